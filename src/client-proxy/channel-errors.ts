import { N2NError } from '../n2n-error.js';

/** What becomes of calls of a client that was closed. */
export function closedError(): N2NError {
  return new N2NError('CLOSED', 'The client was closed; call connect() to use it again.');
}

/** Whether an attempt has failed because no process listens at the address. */
export function isNobodyThere({ cause }: N2NError): boolean {
  const { code } = (cause ?? {}) as { code?: unknown };
  return code === 'ECONNREFUSED' || code === 'ENOENT';
}
