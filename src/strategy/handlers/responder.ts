import type { StreamTarget } from '../../rpc/streams/stream-target.js';

/** Where the outcome of a handler goes. */
export interface Responder extends StreamTarget {
  /** The only value. */
  reply(value: unknown): void;
}
