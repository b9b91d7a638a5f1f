import type { Clock } from '../clock.js';

/**
 * What is written in a turn leaves at its end, but the first of it as soon as it is this much, so that the other side
 * sets to work while this one is still at the rest. With nothing before the end, 64 calls in flight go to and fro as one
 * chunk, and each process idles while the other works: less than half as many calls a second.
 */
const FIRST_EARLY_BYTES = 1024;

/** When written frames leave as a chunk: at the end of the turn, and in parts within a turn that writes much. */
export class ChunkFlush {
  private isScheduled = false;
  /** How much is written before the next chunk leaves within the turn: four times as much each time, so these stay few. */
  private earlyBytes = FIRST_EARLY_BYTES;
  private scheduledAt: number;

  constructor(
    private readonly clock: Clock,
    private readonly defer: (task: () => void) => void,
    private readonly flush: () => void,
  ) {
    this.scheduledAt = clock.now();
  }

  /** When the first of the frames that leave with this turn was written. */
  get turnTime(): number {
    return this.scheduledAt;
  }

  /** Whether so much is written that it leaves within the turn. */
  isEarly(pendingBytes: number): boolean {
    return pendingBytes >= this.earlyBytes;
  }

  /** A chunk leaves within the turn. */
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
