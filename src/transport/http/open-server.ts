import type { Server as HttpServer } from 'node:http';
import { createServer, type AddressInfo, type ListenOptions, type Server } from 'node:net';
import { beforeClose } from './before-close.js';

/** How often a free port is looked for that is free on each address. */
const MOST_TRIES = 10;

/** Whether a name is the one that stands for the loopback addresses, of both families (RFC 6761, 6.3). */
export function isLocalhost(host: string): boolean {
  return /^localhost\.?$/i.test(host);
}

export function isInUse(error: unknown): boolean {
  return codeOf(error) === 'EADDRINUSE';
}

/** @throws the error of Node, of which the server's event `error` tells, too */
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
 * Opens a port on both loopback addresses, or on the one that the machine has: which of them a client tries first is the
 * client's, and somebody else might listen on the other. A server of Node has one address; the other's connections are handed on to it.
 *
 * @param port 0 for one that is free on both
 * @returns the server of the other address
 * @throws the error of Node; nothing is left open then
 */
export async function openLocalhost(server: HttpServer, port: number): Promise<readonly Server[]> {
  let isClosed = false;
  let second: Server | undefined;
  beforeClose(server, () => {
    isClosed = true;
    second?.close();
  });
  for (let tries = 1; ; tries += 1) {
    // oxlint-disable-next-line no-await-in-loop -- another port is tried when this one was taken
    second = await openSecond(server, port);
    if (isClosed) {
      second?.close();
      return [];
    }
    try {
      // Last, so that both are open when the server says that it listens.
      // oxlint-disable-next-line no-await-in-loop -- as above
      await openServer(server, { port: second === undefined ? port : portOf(second), host: '127.0.0.1' });
      return second === undefined ? [] : [second];
    } catch (error) {
      // oxlint-disable-next-line no-await-in-loop -- as above
      if (second !== undefined) await closeServer(second);
      if (isAbsent(error)) {
        // oxlint-disable-next-line no-await-in-loop -- the last there is
        await openServer(server, { port, host: '::1' });
        return [];
      }
      if (port !== 0 || !isInUse(error) || tries === MOST_TRIES) throw error;
    }
  }
}

/** @returns undefined where the machine has no IPv6 */
async function openSecond(server: HttpServer, port: number): Promise<Server | undefined> {
  const { allowHalfOpen } = server as { allowHalfOpen?: boolean };
  const options = { noDelay: true, ...(allowHalfOpen === undefined ? {} : { allowHalfOpen }) };
  const second = createServer(options, (socket) => server.emit('connection', socket));
  try {
    await openServer(second, { port, host: '::1' });
    return second;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    // Whoever waits for the server's own errors is told of this as well.
    if (server.listenerCount('error') > 0) server.emit('error', error);
    throw error;
  }
}

/** Ends the listening. Settles when the connections have ended, too. */
export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

/** Whether it is the machine that has no such address. */
function isAbsent(error: unknown): boolean {
  return ['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EPROTONOSUPPORT'].includes(codeOf(error) ?? '');
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
