import type { Chunk } from '../protocol/frames/chunk.js';

interface Sent {
  readonly chunk: Chunk;
  readonly messages: number;
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
  /** How many messages end in what is written and not yet sent. */
  private unsent = 0;
  /** How many messages end in the chunks that have not been acknowledged. */
  private unacknowledged = 0;

  /**
   * @param most how many bytes may be unacknowledged
   * @param isKept false where nothing is sent again
   */
  constructor(
    private readonly most: number,
    private readonly isKept: boolean,
  ) {}

  /** The position behind the last sent byte. */
  get sent(): number {
    return this.end;
  }

  /** The number of bytes that have not been acknowledged. */
  get bytes(): number {
    return this.end - this.start;
  }

  /** Whether nothing may be sent before an ACK comes. */
  get isFull(): boolean {
    return this.bytes >= this.most;
  }

  /** Whether so many bytes can be sent before an ACK comes. */
  hasRoomFor(bytes: number): boolean {
    return this.bytes + bytes < this.most;
  }

  /** How many messages the other side may not have received. Where nothing is kept, only those that were not sent. */
  get undelivered(): number {
    return this.unsent + this.unacknowledged;
  }

  /** A message was written that ends in the next chunk. */
  countMessage(): void {
    this.unsent += 1;
  }

  /** The frames that were written are sent as a chunk. */
  push(chunk: Chunk): void {
    const messages = this.unsent;
    this.unsent = 0;
    if (this.isKept) this.keep(chunk, messages);
  }

  /** A chunk is sent ahead of the frames that were written. */
  pushAhead(chunk: Chunk): void {
    this.keep(chunk, 0);
  }

  private keep(chunk: Chunk, messages: number): void {
    const sent: Sent = { chunk, messages, next: undefined };
    this.unacknowledged += messages;
    if (this.last === undefined) this.first = sent;
    else this.last.next = sent;
    this.last = sent;
    this.end += chunk.length;
  }

  /** Whether everything that follows this position, which the other side has received, is still kept. */
  goesOnFrom(position: number): boolean {
    if (position > this.end) return false;
    this.acknowledge(position);
    return this.start === position;
  }

  /** Forgets the chunks that end at or before this position. */
  acknowledge(position: number): void {
    while (this.first !== undefined && this.start + this.first.chunk.length <= position) {
      const { chunk, messages, next } = this.first;
      this.start += chunk.length;
      this.unacknowledged -= messages;
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
