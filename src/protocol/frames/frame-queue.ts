import { FrameWriter } from './frame-writer.js';
import { Fifo } from '../buffers/fifo.js';
import { SLAB_BYTES } from '../buffers/slab-pool.js';

/** Small, because few bytes wait in most streams. */
const FIRST_SLAB_BYTES = 4 * 1024;

/**
 * Encoded frames that wait until they may be sent. They are bytes, not objects, so that a million numbers take little
 * memory.
 */
export class FrameQueue extends FrameWriter {
  /** Slabs that are full. */
  private readonly full = new Fifo<Buffer>();
  /** How many bytes of the first of them have been taken. */
  private taken = 0;
  private fullBytes = 0;

  /** The number of bytes that are written and not taken. */
  get pendingBytes(): number {
    return this.fullBytes + this.end - this.start;
  }

  /** The frames that leave next, without taking them; empty when nothing is written. */
  peek(): Buffer {
    return this.full.first?.subarray(this.taken) ?? this.slab.subarray(this.start, this.end);
  }

  /** Takes so many bytes of the result of `peek`. They must be whole frames. */
  take(bytes: number): Buffer {
    const { first } = this.full;
    if (first === undefined) {
      this.start += bytes;
      return this.slab.subarray(this.start - bytes, this.start);
    }
    const from = this.taken;
    this.taken += bytes;
    this.fullBytes -= bytes;
    const taken = first.subarray(from, this.taken);
    if (this.taken === first.length) {
      this.full.shift();
      this.taken = 0;
    }
    return taken;
  }

  protected override append(parts: readonly Uint8Array[]): void {
    for (const part of parts) {
      this.slab.set(part, this.end);
      this.end += part.length;
    }
  }

  protected override roomOf(part: Uint8Array): number {
    return part.length;
  }

  protected override renew(bytes: number): void {
    if (this.end > this.start) {
      this.full.push(this.slab.subarray(this.start, this.end));
      this.fullBytes += this.end - this.start;
    }
    const size = this.slab.length === 0 ? FIRST_SLAB_BYTES : SLAB_BYTES;
    this.slab = Buffer.allocUnsafeSlow(Math.max(size, bytes));
    this.start = 0;
    this.end = 0;
  }
}
