import { atEndOfTurn, type Clock, type TimerHandle } from '../../clock.js';
import { MAX_SUSPENDED_SESSIONS } from '../../limits.js';
import { N2NError } from '../../n2n-error.js';
import type { AcceptedSession } from './accepted-session.js';

/**
 * How long a server that closes waits for a disconnected client, in milliseconds. By default, a client makes its first
 * attempt to reconnect within 750 ms. A client that takes longer is probably dead.
 */
const RECONNECT_GRACE_MS = 1000;

/** The sessions of disconnected clients, in the order of their disconnection. */
export class AwaySessions {
  /** Each with the timer that ends the session while the server closes. */
  private readonly sessions = new Map<AcceptedSession, TimerHandle | undefined>();
  /** Set while the server closes: whether clients can still connect. */
  private canConnect: (() => boolean) | undefined;

  constructor(private readonly clock: Clock) {}

  /** Whether the server closes. */
  get isClosing(): boolean {
    return this.canConnect !== undefined;
  }

  has(session: AcceptedSession): boolean {
    return this.sessions.has(session);
  }

  /** A client has lost its connection. */
  add(session: AcceptedSession): void {
    this.sessions.set(session, undefined);
    const [longest] = this.sessions.keys();
    if (this.sessions.size > MAX_SUSPENDED_SESSIONS) {
      longest.peer.close(
        new N2NError('CONNECTION_LOST', 'The server keeps too many sessions of disconnected clients.'),
      );
    }
    if (this.isClosing) this.letEnd(session);
  }

  /** A client has resumed its session, or the session has ended. */
  delete(session: AcceptedSession): void {
    const timer = this.sessions.get(session);
    if (timer !== undefined) this.clock.clearTimeout(timer);
    this.sessions.delete(session);
  }

  /**
   * The server closes. A session ends when its handlers have ended, and its client does not reconnect for the pending
   * answers.
   */
  close(canConnect: () => boolean): void {
    this.canConnect = canConnect;
    for (const session of this.sessions.keys()) this.letEnd(session);
  }

  /** The server accepts sessions again. */
  open(): void {
    this.canConnect = undefined;
  }

  private letEnd(session: AcceptedSession): void {
    const endsAt = this.clock.now() + RECONNECT_GRACE_MS;
    // Deferred: when a handler ends, its last answer is still being written.
    const checkSoon = (): void => atEndOfTurn(check);
    const check = (): void => {
      if (this.sessions.has(session)) session.peer.whenServed(() => this.endAt(session, endsAt));
    };
    session.peer.whenServed(checkSoon);
  }

  /** No handler runs for the session any more. Only its client can still take the pending answers. */
  private endAt(session: AcceptedSession, time: number): void {
    const left = time - this.clock.now();
    if (left <= 0 || !session.isBusy || this.canConnect?.() !== true) {
      session.peer.close(serverClosed());
    } else {
      this.sessions.set(
        session,
        this.clock.setTimeout(() => session.peer.close(serverClosed()), left),
      );
    }
  }
}

export function serverClosed(): N2NError {
  return new N2NError('CONNECTION_LOST', 'The server was closed.');
}
