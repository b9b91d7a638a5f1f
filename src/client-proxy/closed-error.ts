import { N2NError } from '../n2n-error.js';

/** What becomes of calls of a client that was closed. */
export function closedError(): N2NError {
  return new N2NError('CLOSED', 'The client was closed; call connect() to use it again.');
}
