import type { StreamTarget } from '../peer/stream-target.js';

/** Where the outcome of a handler goes. */
export interface Responder extends StreamTarget {
  /** The only value. */
  reply(value: unknown): void;
}
