import { N2NError } from '../../n2n-error.js';
import { INITIAL_CREDIT } from '../../protocol/frames/frame.js';

/** An eighth of the bytes is granted again at once, so that a body keeps flowing; of items, half of the window. */
const GRANTED_BYTES = INITIAL_CREDIT.bytes / 8;

/** Grants the other side what it may send further. */
export type Grant = (items: number, bytes: number) => void;

/**
 * What one call receives in one direction beyond a single short value: how much was granted, how much of that came, and
 * how much of what came has been consumed, which is granted again.
 */
export class ReceiveWindow {
  private itemsLeft: number = INITIAL_CREDIT.items;
  private bytesLeft: number = INITIAL_CREDIT.bytes;
  private itemsConsumed = 0;
  private bytesConsumed = 0;
  /** How many items the other side may send ahead, and how many it is to be told that it may. */
  private window: number = INITIAL_CREDIT.items;
  private nextWindow: number = INITIAL_CREDIT.items;

  constructor(private readonly grant: Grant) {}

  /**
   * A value of a stream came.
   * @param isReassembled whether it came in fragments: those have been counted, and granted again, as they came. As a
   * value they are held until it is taken, and count as not consumed.
   * @throws N2NError `PROTOCOL_ERROR` when it was not granted
   */
  onItem(bytes: number, isReassembled: boolean): void {
    if (this.itemsLeft <= 0) throw notGranted();
    this.itemsLeft -= 1;
    if (isReassembled) this.bytesConsumed -= bytes;
    else this.receive(bytes);
  }

  /** A fragment of a value came. @throws N2NError `PROTOCOL_ERROR` when it was not granted */
  onFragment(bytes: number): void {
    this.receive(bytes);
  }

  /** Lets the other side send so many items ahead, from the next grant on. */
  widen(items: number): void {
    this.nextWindow = items;
  }

  /**
   * What came has been taken by whom it was for. It is granted again, a good part at a time.
   * @returns whether anything was granted
   */
  onConsumed(items: number, bytes: number): boolean {
    this.itemsConsumed += items;
    this.bytesConsumed += bytes;
    const isEnough = 2 * this.itemsConsumed >= this.window || this.bytesConsumed >= GRANTED_BYTES;
    if (isEnough) this.grantConsumed();
    return isEnough;
  }

  /** Grants again what has been taken, however little. */
  grantConsumed(): void {
    const grantedItems = this.itemsConsumed + this.nextWindow - this.window;
    this.window = this.nextWindow;
    const grantedBytes = Math.max(0, this.bytesConsumed);
    this.itemsConsumed = 0;
    this.bytesConsumed -= grantedBytes;
    this.itemsLeft += grantedItems;
    this.bytesLeft += grantedBytes;
    this.grant(grantedItems, grantedBytes);
  }

  private receive(bytes: number): void {
    // The last frame may take more bytes than are left, but it may not begin without any.
    if (this.bytesLeft <= 0) throw notGranted();
    this.bytesLeft -= bytes;
  }
}

function notGranted(): N2NError {
  return new N2NError('PROTOCOL_ERROR', 'The other side sends more of a stream than it was granted.');
}
