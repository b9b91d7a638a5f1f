import { readFileSync } from 'node:fs';

const FOLDER = new URL('../../../../test/transport/fixtures/tls/', import.meta.url);

const pem = (file: string): string => readFileSync(new URL(file, FOLDER), 'utf8');

/** For servers on the loopback address; the tests' own. */
export function serverCertificate(): { cert: string; key: string } {
  return { cert: pem('server.crt'), key: pem('server.key') };
}

/** What clients verify it with. */
export function authority(): { ca: string } {
  return { ca: pem('ca.crt') };
}
