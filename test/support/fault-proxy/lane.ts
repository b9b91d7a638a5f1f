import type { Socket } from 'node:net';
import type { LinkPlan } from './link-plan.js';

/** How many bytes a lane holds before it reads no further, which holds back the sender. */
const MOST_HELD = 256 * 1024;

/** How often a lane of limited bandwidth lets bytes pass, in a second. */
const PIECES_PER_SECOND = 100;

/** Counts what passes, and knows where that is to end. */
export interface Gate {
  /** How many more bytes may pass. */
  left(): number;
  /** These are passing. @returns whether nothing may follow them */
  pass(bytes: number): boolean;
  /** The last bytes have been handed to the system. */
  end(): void;
}

interface Held {
  /** Nothing: the sender's end. */
  readonly bytes: Buffer | undefined;
  /** When it may pass. */
  readonly due: number;
}

/**
 * One direction of a link: a queue, because what is delayed must neither hold back what follows it nor be overtaken by it.
 */
export class Lane {
  private readonly queue: Held[] = [];
  private readonly largestPiece: number;
  private bytesQueued = 0;
  /** With a limited bandwidth, when the next piece may pass. */
  private freeAt = 0;
  /** A timer, a turn of the loop or the receiver is waited for, and calls `goOn`. */
  private isWaiting = false;
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;

  constructor(
    private readonly from: Socket,
    private readonly to: Socket,
    private readonly plan: LinkPlan,
    private readonly gate: Gate,
  ) {
    const { slice = Infinity, bandwidth = Infinity } = plan;
    this.largestPiece = Math.max(1, Math.min(slice, Math.floor(bandwidth / PIECES_PER_SECOND)));
    from.on('data', (bytes: Buffer) => this.take(bytes));
    from.on('end', () => this.take(undefined));
  }

  /** How many bytes the proxy has of this direction. */
  get held(): number {
    return this.bytesQueued + this.to.writableLength;
  }

  /** From here on, what the sender sends goes nowhere. */
  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
    this.queue.length = 0;
    this.bytesQueued = 0;
    this.from.resume();
  }

  private take(bytes: Buffer | undefined): void {
    if (this.isStopped) return;
    const { delay = 0 } = this.plan;
    this.queue.push({ bytes, due: delay === 0 ? 0 : performance.now() + delay });
    this.bytesQueued += bytes?.length ?? 0;
    if (this.bytesQueued >= MOST_HELD) this.from.pause();
    if (!this.isWaiting) this.passAll();
  }

  private passAll(): void {
    for (let head = this.queue[0]; head !== undefined; head = this.queue[0]) {
      const wait = Math.max(head.due, this.freeAt) - performance.now();
      if (wait > 0) {
        this.isWaiting = true;
        this.timer = setTimeout(this.goOn, Math.ceil(wait));
        return;
      }
      this.queue.shift();
      if (head.bytes === undefined) this.to.end();
      else this.pass(head.bytes, head.due);
      if (this.isWaiting || this.isStopped) return;
    }
  }

  private pass(bytes: Buffer, due: number): void {
    const left = this.gate.left();
    if (left === 0) {
      // The last bytes are on their way, and the cut behind them stops this lane.
      this.isWaiting = true;
      return;
    }
    const piece = bytes.subarray(0, Math.min(this.largestPiece, left));
    if (piece.length < bytes.length) this.queue.unshift({ bytes: bytes.subarray(piece.length), due });
    this.bytesQueued -= piece.length;
    if (this.bytesQueued < MOST_HELD) this.from.resume();
    const { bandwidth, slice } = this.plan;
    if (bandwidth !== undefined) {
      this.freeAt = Math.max(this.freeAt, performance.now()) + (piece.length / bandwidth) * 1000;
    }
    if (this.gate.pass(piece.length)) {
      // Only what has left this process is sure not to be taken back by a reset.
      this.to.write(piece, () => this.gate.end());
    } else if (slice !== undefined) {
      // Two pieces written in one turn would arrive as one.
      this.isWaiting = true;
      this.to.write(piece, () => setImmediate(this.goOn));
    } else if (!this.to.write(piece)) {
      this.isWaiting = true;
      this.to.once('drain', this.goOn);
    }
  }

  private readonly goOn = (): void => {
    this.isWaiting = false;
    if (!this.isStopped) this.passAll();
  };
}
