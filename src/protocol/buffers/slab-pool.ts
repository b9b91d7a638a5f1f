/** Memory that frames are written into, once, front to back: what has been taken of it belongs to whoever took it. */
export interface Slab {
  readonly bytes: Buffer;
  /** Where nothing has been written yet. */
  free: number;
}

export const SLAB_BYTES = 64 * 1024;

/** What is left of a slab when it is no use any more: the usual frame has a hundred bytes. */
const LEAST_ROOM = 4 * 1024;

/** As many lie idle at the most: writers at work at the same time, within one turn of the event loop, are few. */
const MOST_IDLE = 16;

/**
 * Slabs for all the writers of a process. A writer has one from its first frame of a turn until its chunk is taken, and
 * most connections are idle most of the time: with a slab each, 10 000 of them would hold most of a gigabyte.
 */
export class SlabPool {
  private readonly idle: Slab[] = [];

  /** @returns a slab with room for as many bytes */
  take(bytes: number): Slab {
    const slab = this.idle.pop();
    if (slab !== undefined && slab.free + bytes <= slab.bytes.length) return slab;
    return { bytes: Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, bytes)), free: 0 };
  }

  /** Nobody writes into it any more, for the moment. */
  giveBack(slab: Slab): void {
    if (slab.free + LEAST_ROOM <= slab.bytes.length && this.idle.length < MOST_IDLE) this.idle.push(slab);
  }
}

/** The one of this process. */
export const slabs = new SlabPool();
