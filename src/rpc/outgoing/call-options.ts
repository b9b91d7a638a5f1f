import type { StreamTarget } from '../streams/stream-target.js';

/** The options of one call. */
export interface CallOptions {
  /** How long the call waits without a frame in either direction, in milliseconds; 0 for ever. */
  readonly timeout: number;
  /** JSON text. It is sent in front of the value. */
  readonly metadata?: string | undefined;
  /** When the timeout of the call began, by the clock of the peer, if that was before now. */
  readonly since?: number | undefined;
  /** Gets the target of the payload, if that is a stream, once the call is written. */
  readonly onPayload?: ((payload: StreamTarget) => void) | undefined;
  /** The key of an acknowledged event. */
  readonly key?: string | undefined;
}
