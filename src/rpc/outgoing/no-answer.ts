import { N2NError } from '../../n2n-error.js';
import type { SessionOptions } from '../../session/session-options.js';
import type { Session } from '../../session/session.js';
import type { OutgoingCall } from './outgoing-call.js';

/** Knows what to say of a call that got no answer in time. */
export class NoAnswers {
  /** Why and when the link was lost last. */
  private lost = { reason: '', at: 0 };

  constructor(
    private readonly session: Session,
    private readonly options: Pick<SessionOptions, 'otherSide' | 'role' | 'clock'>,
  ) {}

  /** The link has broken. @param reason a text for people */
  onSuspended(reason: string): void {
    this.lost = { reason, at: this.options.clock.now() };
  }

  errorOf({ pattern, timeout, lastSign }: Pick<OutgoingCall, 'pattern' | 'timeout' | 'lastSign'>): N2NError {
    const { session, lost } = this;
    const { otherSide, role, clock } = this.options;
    return noAnswer({
      pattern,
      timeout,
      otherSide,
      away: session.isLinked ? undefined : { reason: lost.reason, for: clock.now() - lost.at },
      isDialer: role === 'dialer',
      isMute: session.chunkTime <= lastSign,
    });
  }
}

/** What is known when a call gets no answer in time. */
interface Silence {
  readonly pattern: string;
  /** Milliseconds. */
  readonly timeout: number;
  /** See `SessionOptions`. */
  readonly otherSide: string;
  /** Why and for how long there is no link, in milliseconds; undefined where there is one. */
  readonly away: { readonly reason: string; readonly for: number } | undefined;
  /** Whether it is for this side to come back. */
  readonly isDialer: boolean;
  /** Whether nothing at all has come over the link since the call had its last sign of life. */
  readonly isMute: boolean;
}

/** The error of a call that got no answer in time: what is known, and the likely causes in their order. */
function noAnswer(silence: Silence): N2NError {
  const { pattern, timeout, otherSide, away } = silence;
  const fact =
    away === undefined
      ? `No answer to "${pattern}" within ${timeout} ms from ${otherSide}.`
      : `No answer to "${pattern}" within ${timeout} ms: the connection to ${otherSide} was lost ` +
        `${(away.for / 1000).toFixed(1)} s ago (${away.reason}).`;
  return new N2NError('TIMEOUT', `${fact} ${causesOf(silence)}`, {
    details: { pattern, timeout, ...(away === undefined ? {} : { away: Math.round(away.for) }) },
  });
}

function causesOf({ away, isDialer, isMute }: Silence): string {
  if (away !== undefined) {
    const causes = isDialer
      ? 'It was ended or started anew, or the network between is broken. This client is trying to come back.'
      : 'It was ended, or the network between is broken. It is for the client to come back.';
    return `${causes} The call may have been handled.`;
  }
  const slow = 'the handler takes longer';
  const queued = 'the call waits there behind others (maxInFlight; the log there says so)';
  const hangs = 'the process there hangs or is overloaded';
  const order = isMute ? [hangs, slow, queued] : [slow, queued, hangs];
  const connection = isMute
    ? 'The connection is there, and nothing came over it meanwhile'
    : 'The connection is there';
  return `${connection}. Likely, in this order: ${order.join('; ')}. Raise the timeout of the call where its handler needs longer.`;
}
