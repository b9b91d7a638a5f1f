import type { ConnectionOptions } from 'node:tls';
import { N2NError } from '../../n2n-error.js';

type IdentityCheck = NonNullable<ConnectionOptions['checkServerIdentity']>;

/** Refuses the server if the check throws or returns a promise. Node does not catch the error, and does not await promises. */
export function refusingCheck(check: IdentityCheck): IdentityCheck {
  return (host, certificate) => {
    let result: unknown;
    try {
      result = check(host, certificate);
    } catch (error) {
      return N2NError.from(error, 'CONNECT_FAILED', '"tls.checkServerIdentity" failed');
    }
    if (!(result instanceof Promise)) return result as Error | undefined;
    result.catch(() => {});
    return new N2NError(
      'CONNECT_FAILED',
      '"tls.checkServerIdentity" returned a promise, but it must be synchronous',
    );
  };
}
