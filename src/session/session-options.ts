import type { Clock } from '../clock.js';
import type { N2NError } from '../n2n-error.js';
import type { FrameHandler } from '../protocol/frames/chunk-reader.js';

export interface SessionOptions {
  /** Which side this is. */
  role: 'dialer' | 'acceptor';
  /** The longest value that the other side takes, in bytes: from its HELLO. */
  maxSend: number;
  /** How long the session is kept when its link has broken, in milliseconds; 0 for not at all. */
  window: number;
  /** How many bytes may be sent that the other side has not acknowledged. At the bound, what is written waits. */
  maxReplay: number;
  /** How many bytes may wait to be sent, before calls and events of this side are refused. */
  maxPending: number;
  /** How many bytes may wait to be sent, before the other side is taken for one that asks and does not read. */
  maxBacklog: number;
  clock: Clock;
  /** Runs a task after the current turn's work, before the loop waits again. */
  defer: (task: () => void) => void;
}

/** The peer, as its session sees it. Frames with the id of the session, other than the session's own, are among them. */
export interface SessionEvents extends FrameHandler {
  /**
   * The link takes more, and nothing is written: what waits may write now.
   * @returns whether anything was written
   */
  onWritable(): boolean;
  /** The link has broken. The session waits for another one. */
  onSuspended(): void;
  /** The session is over, for this reason. Reported once. */
  onClosed(error: N2NError): void;
}
