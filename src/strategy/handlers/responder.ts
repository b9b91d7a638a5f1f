import type { StreamTarget } from '../../rpc/streams/stream-target.js';

/** Gets the outcome of a handler. */
export interface Responder extends StreamTarget {
  /** Writes the only value, and ends. */
  reply(value: unknown): void;
}
