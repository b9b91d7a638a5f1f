import { N2NError } from '../../n2n-error.js';
import { INITIAL_CREDIT } from '../../limits.js';

/** Bytes are granted again in eighths of the window, so that a body keeps flowing; items in halves of the window. */
const GRANTED_BYTES = INITIAL_CREDIT.bytes / 8;

/** Allows the other side to send more. */
type Grant = (items: number, bytes: number) => void;

/**
 * The flow control of what one call receives beyond a single short value: how much was granted, how much of that has
 * come, and how much has been consumed and is to be granted again.
 */
export class ReceiveWindow {
  private itemsLeft: number = INITIAL_CREDIT.items;
  private bytesLeft: number = INITIAL_CREDIT.bytes;
  private itemsConsumed = 0;
  private bytesConsumed = 0;
  /** How many items the other side may send ahead, now and from the next grant on. */
  private window: number = INITIAL_CREDIT.items;
  private nextWindow: number = INITIAL_CREDIT.items;

  constructor(private readonly grant: Grant) {}

  /**
   * A value of a stream came.
   * @param isReassembled whether it came in fragments. Their bytes were counted, and granted again, as they came. Until
   * the value is consumed, they count as not consumed.
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

  /** Allows the other side to send so many items ahead, from the next grant on. */
  widen(items: number): void {
    this.nextWindow = items;
  }

  /**
   * The consumer has taken received values. They are granted again, many at a time.
   * @returns whether anything was granted
   */
  onConsumed(items: number, bytes: number): boolean {
    this.itemsConsumed += items;
    this.bytesConsumed += bytes;
    const isEnough = 2 * this.itemsConsumed >= this.window || this.bytesConsumed >= GRANTED_BYTES;
    if (isEnough) this.grantConsumed();
    return isEnough;
  }

  /** Grants all consumed values again, however few. */
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
    // The last frame may be longer than the bytes that are left, but some must be left.
    if (this.bytesLeft <= 0) throw notGranted();
    this.bytesLeft -= bytes;
  }
}

function notGranted(): N2NError {
  return new N2NError('PROTOCOL_ERROR', 'The other side sends more of a stream than it was granted.');
}
