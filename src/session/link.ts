import type { Chunk } from '../protocol/frames/chunk.js';

export type { Chunk };

/**
 * One physical connection, as a session sees it: something that carries chunks, whole and in order, until it breaks.
 *
 * A link is used once. It reports `onBroken` exactly once, whether the other side went, the network did, or `close` was
 * called here; after that nothing else is reported and `write` does nothing. A session that wants to go on needs a
 * new link.
 */
export interface Link {
  /**
   * Hands a chunk to the transport, which reads its bytes and never changes them.
   * @returns false when the transport has taken the chunk but holds more than it can send; `onWritable` follows.
   */
  write(chunk: Chunk): boolean;

  /**
   * Reports to `events` from now on, and no longer to whom it reported before. Chunks that came before anybody was there
   * are reported first, in order.
   */
  open(events: LinkEvents): void;

  /** Lets what was written leave, then closes. `onBroken` follows with the reason. */
  close(reason: string): void;
}

export interface LinkEvents {
  /**
   * A chunk came. Nobody changes its bytes.
   * @param release gives the memory of the chunk back to the system; the chunk is empty after that. It may be called
   * until `onChunk` returns. Undefined for a short chunk, and for one that somebody else can see.
   */
  onChunk(chunk: Buffer, release?: () => void): void;
  /** The transport can take more, after `write` returned false. */
  onWritable(): void;
  /**
   * The connection is gone; `reason` is for people.
   * @param isIntended whether one of the sides has ended it on purpose: then nothing is to be gone on with
   */
  onBroken(reason: string, isIntended: boolean): void;
}
