import { N2NError } from '../../n2n-error.js';

/** A session that is lost. */
export interface GoneSession {
  readonly url: string;
  /** How long it has been without a connection, in milliseconds. */
  readonly awayFor: number;
  /** How long it could be resumed, in milliseconds. */
  readonly window: number;
}

const MAY_HAVE_RUN =
  'The call may or may not have been handled. Mark calls that may run twice as idempotent.';

/** The client has reconnected, but the server does not have the session. */
export function sessionUnknown({ url, awayFor, window }: GoneSession): N2NError {
  const why =
    awayFor > window
      ? `That was longer than the ${window} ms for which the session is kept (resumeWindow).`
      : 'Likely causes, in this order: the server was restarted; the address leads to several servers, and another one ' +
        'has answered (give each server its own address, or use sticky sessions); or the server has ended the session, ' +
        'because the identity of the client has changed or too much data was missed.';
  return new N2NError(
    'CONNECTION_LOST',
    `The connection to ${url} was lost for ${seconds(awayFor)}, and the server no longer has the ` +
      `session. ${why} ${MAY_HAVE_RUN}`,
    { details: { away: Math.round(awayFor), window } },
  );
}

/** All attempts to reconnect have failed. @param cause the error of the last attempt */
export function sessionGivenUp({ url, awayFor }: GoneSession, cause: N2NError): N2NError {
  return new N2NError(
    'CONNECTION_LOST',
    `The connection to ${url} was lost ${seconds(awayFor)} ago, and reconnecting failed: ${cause.message} ` +
      `The client has stopped trying; its next call connects again. ${MAY_HAVE_RUN}`,
    { cause, details: { away: Math.round(awayFor) } },
  );
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
