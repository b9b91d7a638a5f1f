import { N2NError } from '../n2n-error.js';

/** The error of calls of a closed client. */
export function closedError(): N2NError {
  return new N2NError('CLOSED', 'The client was closed; call connect() to use it again.');
}

/** Whether an attempt failed because no process listens at the address. */
export function isUnreachable({ cause }: N2NError): boolean {
  const { code } = (cause ?? {}) as { code?: unknown };
  return code === 'ECONNREFUSED' || code === 'ENOENT';
}
