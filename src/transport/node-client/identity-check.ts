import type { ConnectionOptions } from 'node:tls';
import { N2NError } from '../../n2n-error.js';

type IdentityCheck = NonNullable<ConnectionOptions['checkServerIdentity']>;

/** Node neither catches what the check throws nor waits for a promise: either means here that the server is refused. */
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
      '"tls.checkServerIdentity" gave a promise, and must decide at once',
    );
  };
}
