import type { SessionInfo } from '../diagnostics.js';
import type { N2NError } from '../n2n-error.js';
import type { Codec } from '../protocol/values/codec.js';
import type { SessionOptions } from '../session/session-options.js';
import type { IncomingCall } from './incoming/incoming-call.js';

export interface PeerOptions extends Omit<SessionOptions, 'maxBacklog'> {
  /** What the session is called in diagnostics. */
  info: SessionInfo;
  /** The longest value that this side accepts, in bytes. */
  maxPayload: number;
  /** Encodes and decodes values. */
  codec: Codec;
  /** How many calls and events of the other side are handled at once. Others wait, in order. */
  maxInFlight: number;
}

/** The owner of the peer. */
export interface PeerEvents {
  /** The owner must now handle a call or an event of the other side. */
  onCall(call: IncomingCall): void;
  /** Code that stops a handler threw: a fault of the application, to be logged. */
  onFault(error: unknown): void;
  /** The link has broken. Calls continue over the next one, and new calls wait for it. */
  onSuspended(): void;
  /**
   * The other side takes no new calls from now on. @param retryAfter when to call again, in milliseconds; 0 for any
   * time
   */
  onGoAway(retryAfter: number): void;
  /** One of the sides takes no new calls, and no call of either side is active. */
  onDrained(): void;
  /** The session is over; active calls have failed with this error. Reported once. */
  onClosed(error: N2NError): void;
}
