import { atEndOfTurn, type Clock, type TimerHandle } from '../../clock.js';
import { MAX_SUSPENDED_SESSIONS } from '../../limits.js';
import { N2NError } from '../../n2n-error.js';
import type { AcceptedSession } from './accepted-session.js';

/**
 * How long a server that closes waits for a client that is away, in milliseconds. One that lives comes back before: its
 * first attempt follows within 750 ms, by default. A longer wait would be for a client that is dead.
 */
const COMES_BACK_WITHIN = 1000;

/** The sessions whose clients are away, in the order in which they went. */
export class AwaySessions {
  /** With the timer that gives a session up while the server closes. */
  private readonly sessions = new Map<AcceptedSession, TimerHandle | undefined>();
  /** While the server closes: whether it can still be connected to. */
  private canConnect: (() => boolean) | undefined;

  constructor(private readonly clock: Clock) {}

  has(session: AcceptedSession): boolean {
    return this.sessions.has(session);
  }

  /** A client has lost its connection. */
  add(session: AcceptedSession): void {
    this.sessions.set(session, undefined);
    const [longest] = this.sessions.keys();
    if (this.sessions.size > MAX_SUSPENDED_SESSIONS) {
      longest.peer.close(new N2NError('CONNECTION_LOST', 'Too many clients that were lost may come back.'));
    }
    if (this.canConnect !== undefined) this.letEnd(session);
  }

  /** A client has come back, or its session is over. */
  delete(session: AcceptedSession): void {
    const timer = this.sessions.get(session);
    if (timer !== undefined) this.clock.clearTimeout(timer);
    this.sessions.delete(session);
  }

  /**
   * The server closes: a session ends once no handler is at work for it, and its client does not come back for what it
   * is owed.
   */
  close(canConnect: () => boolean): void {
    this.canConnect = canConnect;
    for (const session of this.sessions.keys()) this.letEnd(session);
  }

  /** The server takes sessions again. */
  open(): void {
    this.canConnect = undefined;
  }

  private letEnd(session: AcceptedSession): void {
    const endsAt = this.clock.now() + COMES_BACK_WITHIN;
    // Later, because the last answer is still being written when a handler ends.
    const checkSoon = (): void => atEndOfTurn(check);
    const check = (): void => {
      if (this.sessions.has(session)) session.peer.whenServed(() => this.endAt(session, endsAt));
    };
    session.peer.whenServed(checkSoon);
  }

  /** Nothing but its client can still take what there is of a session. */
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
