import type { Clock } from '../clock.js';

/**
 * Frames are sent at the end of the turn, but the first ones as soon as they are so many bytes: the other side then
 * starts to work while this one still writes. Otherwise 64 calls in flight go back and forth as one chunk, and each
 * process idles while the other works: less than half as many calls a second.
 */
const FIRST_EARLY_BYTES = 1024;

/** Decides when written frames are sent as a chunk: at the end of the turn, and earlier in a turn that writes much. */
export class ChunkFlush {
  private isScheduled = false;
  /**
   * The length at which the next chunk is sent within the turn. It grows fourfold each time, so that such chunks stay
   * few.
   */
  private earlyBytes = FIRST_EARLY_BYTES;
  private scheduledAt: number;

  constructor(
    private readonly clock: Clock,
    private readonly defer: (task: () => void) => void,
    private readonly flush: () => void,
  ) {
    this.scheduledAt = clock.now();
  }

  /** When the first of the frames of this flush was written. */
  get turnTime(): number {
    return this.scheduledAt;
  }

  /** Whether enough is written to send it within the turn. */
  isEarly(pendingBytes: number): boolean {
    return pendingBytes >= this.earlyBytes;
  }

  /** A chunk is sent within the turn. */
  onEarly(): void {
    this.earlyBytes *= 4;
  }

  /** Flushes at the end of the turn. */
  schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    this.scheduledAt = this.clock.now();
    this.defer(this.flush);
  }

  /** The flush at the end of the turn begins. */
  onTurnEnd(): void {
    this.isScheduled = false;
    this.earlyBytes = FIRST_EARLY_BYTES;
  }
}
