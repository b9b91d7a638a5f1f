import { N2NError } from '../n2n-error.js';

/** What is known of a session that is over. */
export interface GoneSession {
  readonly url: string;
  /** How long it was without a connection, in milliseconds. */
  readonly awayFor: number;
  /** How long it could be, in milliseconds. */
  readonly window: number;
}

const MAY_HAVE_RUN = 'The call may have been handled or not; mark one that may be made twice as idempotent.';

/** The connection is back, and leads to a server that does not know the session. */
export function sessionUnknown({ url, awayFor, window }: GoneSession): N2NError {
  const why =
    awayFor > window
      ? `That was longer than the ${window} ms for which the session is kept (resumeWindow).`
      : 'Likely, in this order: the server was started anew; the address leads to several servers, and another one ' +
        'has answered (give each an address of its own, or have the balancer stay with one); or the server has given ' +
        'the session up, because the identity of the client has changed or too much was missed.';
  return new N2NError(
    'CONNECTION_LOST',
    `The connection to ${url} was lost for ${seconds(awayFor)}, and the server that answers there no longer has the ` +
      `session. ${why} ${MAY_HAVE_RUN}`,
    { details: { away: Math.round(awayFor), window } },
  );
}

/** The attempts to come back were given up. @param cause why the last one has failed */
export function sessionGivenUp({ url, awayFor }: GoneSession, cause: N2NError): N2NError {
  return new N2NError(
    'CONNECTION_LOST',
    `The connection to ${url} was lost ${seconds(awayFor)} ago and did not come back: ${cause.message} ` +
      `The client tries no more; its next call begins to connect anew. ${MAY_HAVE_RUN}`,
    { cause, details: { away: Math.round(awayFor) } },
  );
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
