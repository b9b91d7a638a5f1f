import type { Chunk } from '../protocol/frames/chunk.js';

interface Sent {
  readonly chunk: Chunk;
  next: Sent | undefined;
}

/**
 * The chunks that were sent and that the other side has not acknowledged. A position is a number of bytes of the
 * session: the first chunk of the session begins at 0.
 */
export class ReplayBuffer {
  // A linked list, so that nothing keeps acknowledged chunks: a chunk of a few bytes can keep a whole slab.
  private first: Sent | undefined = undefined;
  private last: Sent | undefined = undefined;
  private start = 0;
  private end = 0;

  /** The position behind the last sent byte. */
  get sent(): number {
    return this.end;
  }

  /** The position up to which the other side has acknowledged everything. */
  get acknowledged(): number {
    return this.start;
  }

  /** The number of bytes that have not been acknowledged. */
  get bytes(): number {
    return this.end - this.start;
  }

  push(chunk: Chunk): void {
    const sent: Sent = { chunk, next: undefined };
    if (this.last === undefined) this.first = sent;
    else this.last.next = sent;
    this.last = sent;
    this.end += chunk.length;
  }

  /** Forgets the chunks that end at or before this position. */
  acknowledge(position: number): void {
    while (this.first !== undefined && this.start + this.first.chunk.length <= position) {
      const { chunk, next } = this.first;
      this.start += chunk.length;
      // Otherwise an entry in V8's old space keeps all entries after it until the whole heap is marked. That was every
      // 30 ms then, and an echo of 1 MiB took 2.5 times as long.
      this.first.next = undefined;
      this.first = next;
    }
    if (this.first === undefined) this.last = undefined;
  }

  /** The chunks that have not been acknowledged, oldest first. */
  *[Symbol.iterator](): Generator<Chunk> {
    for (let sent = this.first; sent !== undefined; sent = sent.next) yield sent.chunk;
  }

  clear(): void {
    this.acknowledge(this.end);
  }
}
