import type { Clock } from '../clock.js';
import type { N2NError } from '../n2n-error.js';
import type { FrameHandler } from '../protocol/frames/chunk-reader.js';

export interface SessionOptions {
  /** Which side this is. */
  role: 'dialer' | 'acceptor';
  /** The longest value that the other side accepts, in bytes: from its HELLO. */
  maxSend: number;
  /** How long the session waits for a new link when its link has broken, in milliseconds; 0 ends it at once. */
  window: number;
  /** How many sent bytes may be unacknowledged. At this limit, written frames wait. */
  maxReplay: number;
  /** How many bytes may wait to be sent. Above this limit, calls and events of this side are refused. */
  maxPending: number;
  /** How many bytes may wait to be sent. Above this limit, the session ends: the other side calls and does not read. */
  maxBacklog: number;
  clock: Clock;
  /** Runs a task after the work of the current turn, before the event loop waits again. */
  defer: (task: () => void) => void;
}

/** The peer, as its session sees it. It gets all frames but HELLO, ACK and the session's ERROR. */
export interface SessionEvents extends FrameHandler {
  /**
   * The link takes more and the session has nothing to send: waiting senders may write now.
   * @returns whether anything was written
   */
  onWritable(): boolean;
  /** The session goes over a link from now on. @param replayed how much it sends again, in bytes */
  onAttached(replayed: number): void;
  /** The link has broken. The session waits for a new one. */
  onSuspended(): void;
  /** The session is over, for this reason. Reported once. */
  onClosed(error: N2NError): void;
}
