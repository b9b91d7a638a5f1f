import type { Chunk } from '../protocol/frames/chunk.js';

export type { Chunk };

/**
 * One physical connection, as a session sees it. It carries whole chunks, in order, until it breaks.
 *
 * A link is used once. It calls `onBroken` exactly once, whether the other side closed it, the network failed, or this
 * side called `close`. After that it calls nothing else, and `write` does nothing. To continue, a session needs a new
 * link.
 */
export interface Link {
  /**
   * Gives a chunk to the transport, which never changes its bytes.
   * @returns false when the transport took the chunk but holds more than it can send; `onWritable` follows
   */
  write(chunk: Chunk): boolean;

  /**
   * Calls `events` from now on, in place of any earlier ones. Chunks that came while nobody was there are delivered first,
   * in order, and a break after them.
   */
  open(events: LinkEvents): void;

  /**
   * Calls nobody until the next `open`, and keeps what comes. Only for the time between two steps of one turn of the event
   * loop, such as the end of a handshake and the promise that reports it: what is kept is not bounded.
   */
  detach(): void;

  /** Sends what was written, then closes. `onBroken` follows with the reason. */
  close(reason: string): void;
}

const NOBODY: LinkEvents = { onChunk() {}, onWritable() {}, onBroken() {} };

/** Closes a link, and hears nothing more of it. */
export function abandonLink(link: Link, reason: string): void {
  link.open(NOBODY);
  link.close(reason);
}

export interface LinkEvents {
  /**
   * A chunk came. Nobody changes its bytes.
   * @param release gives the memory of the chunk back to the system; the chunk is empty after that. It may be called
   * until `onChunk` returns. Undefined for a short chunk, and for one that somebody else can see.
   */
  onChunk(chunk: Buffer, release?: () => void): void;
  /** The transport takes more again, after `write` returned false. */
  onWritable(): void;
  /**
   * The connection is lost. `reason` is a text for people.
   * @param isIntended whether one of the sides closed it on purpose: then the session ends
   */
  onBroken(reason: string, isIntended: boolean): void;
}
