import type { Server as HttpServer } from 'node:http';
import { createServer, type AddressInfo, type ListenOptions, type Server } from 'node:net';
import { beforeClose } from './before-close.js';

/** The most attempts to find a port that is free on both addresses. */
const MOST_TRIES = 10;

/** Whether a name stands for the loopback addresses of both families (RFC 6761, 6.3). */
export function isLocalhost(host: string): boolean {
  return /^localhost\.?$/i.test(host);
}

export function isInUse(error: unknown): boolean {
  return codeOf(error) === 'EADDRINUSE';
}

/** @throws Node's error, which the server's event `error` reports, too */
export function openServer(server: Server, where: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/**
 * Listens on both loopback addresses, or on the only one that the machine has. A client may try either address first, and
 * another program could listen on the other one. A Node server has one address, so a second server passes its connections on.
 *
 * @param port 0 for a port that is free on both
 * @returns the server of the second address
 * @throws Node's error; no port stays open then
 */
export async function openLocalhost(server: HttpServer, port: number): Promise<readonly Server[]> {
  let isClosed = false;
  let second: Server | undefined;
  beforeClose(server, () => {
    isClosed = true;
    second?.close();
  });
  for (let tries = 1; ; tries += 1) {
    // oxlint-disable-next-line no-await-in-loop -- the next port is tried after this one fails
    second = await openSecond(server, port);
    if (isClosed) {
      second?.close();
      return [];
    }
    try {
      // This comes last, so that both are open when the server emits `listening`.
      // oxlint-disable-next-line no-await-in-loop -- as above
      await openServer(server, { port: second === undefined ? port : portOf(second), host: '127.0.0.1' });
      return second === undefined ? [] : [second];
    } catch (error) {
      // oxlint-disable-next-line no-await-in-loop -- as above
      if (second !== undefined) await closeServer(second);
      if (isAbsent(error)) {
        // oxlint-disable-next-line no-await-in-loop -- the only address that is left
        await openServer(server, { port, host: '::1' });
        return [];
      }
      if (port !== 0 || !isInUse(error) || tries === MOST_TRIES) throw error;
    }
  }
}

/** @returns undefined if the machine has no IPv6 */
async function openSecond(server: HttpServer, port: number): Promise<Server | undefined> {
  const { allowHalfOpen } = server as { allowHalfOpen?: boolean };
  const options = { noDelay: true, ...(allowHalfOpen === undefined ? {} : { allowHalfOpen }) };
  const second = createServer(options, (socket) => server.emit('connection', socket));
  try {
    await openServer(second, { port, host: '::1' });
    return second;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    // Listeners for the errors of the first server must get this error, too.
    if (server.listenerCount('error') > 0) server.emit('error', error);
    throw error;
  }
}

/** Stops listening. Settles when all connections have ended. */
export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

/** Whether the machine does not have the address. */
function isAbsent(error: unknown): boolean {
  return ['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EPROTONOSUPPORT'].includes(codeOf(error) ?? '');
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
