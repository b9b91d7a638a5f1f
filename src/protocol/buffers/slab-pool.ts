/** Memory for frames. It is written once, front to back. The part that was taken belongs to whoever took it. */
export interface Slab {
  readonly bytes: Buffer;
  /** The index of the first byte that has not been written. */
  free: number;
}

export const SLAB_BYTES = 64 * 1024;

/** A slab with less room than this is not used again: the usual frame has a hundred bytes. */
const LEAST_ROOM = 4 * 1024;

/** At most so many idle slabs are kept, because few writers work in the same turn of the event loop. */
const MOST_IDLE = 16;

/**
 * Slabs for all writers of a process. A writer has a slab from its first frame of a turn until its chunk is taken. Most
 * connections are idle most of the time: with a slab each, 10 000 connections would hold most of a gigabyte.
 */
class SlabPool {
  private readonly idle: Slab[] = [];

  /** @returns a slab with room for so many bytes */
  take(bytes: number): Slab {
    const slab = this.idle.pop();
    if (slab !== undefined && slab.free + bytes <= slab.bytes.length) return slab;
    return { bytes: Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, bytes)), free: 0 };
  }

  /** The writer has done with it for now. */
  giveBack(slab: Slab): void {
    if (slab.free + LEAST_ROOM <= slab.bytes.length && this.idle.length < MOST_IDLE) this.idle.push(slab);
  }
}

/** The pool of this process. */
export const slabs = new SlabPool();
