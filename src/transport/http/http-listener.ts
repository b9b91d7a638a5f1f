import { lstat, rm } from 'node:fs/promises';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect, type Server } from 'node:net';
import { N2NError, messageOf } from '../../n2n-error.js';
import { beforeClose, type BeforeClose } from './before-close.js';
import type { ListenTarget } from './listen-target.js';
import { closeServer, isInUse, isLocalhost, openLocalhost, openServer } from './open-server.js';

type OwnTarget = Exclude<ListenTarget, { kind: 'shared' }>;

/** The HTTP server of a Socket.IO server. */
export interface HttpListener {
  readonly server: HttpServer;
  /** @throws N2NError `CONNECT_FAILED` if the server cannot listen on the port or the path */
  listen(): Promise<void>;
  /** Stops listening, unless the server is shared. */
  close(): Promise<void>;
}

/** @param onServerClosing called when the application closes the shared server */
export function createHttpListener(target: ListenTarget, onServerClosing: BeforeClose): HttpListener {
  return target.kind === 'shared' ? sharedListener(target.server, onServerClosing) : ownListener(target);
}

function ownListener(target: OwnTarget): HttpListener {
  const server =
    target.tls === undefined
      ? createHttpServer(notFound)
      : (createHttpsServer(target.tls, notFound) as HttpServer);
  let others: readonly Server[] = [];
  return {
    server,
    listen: async () => {
      others = await listenOn(server, target);
    },
    close: async () => {
      const closed = [...others, server].map(closeServer);
      server.closeAllConnections();
      await Promise.all(closed);
    },
  };
}

/**
 * Listens on the port or the socket. A socket file that a killed process left is replaced.
 * @returns the servers of further addresses
 */
async function listenOn(server: HttpServer, target: OwnTarget): Promise<readonly Server[]> {
  try {
    if (target.kind === 'socket') await openSocket(server, target.path);
    else if (isLocalhost(target.host)) return await openLocalhost(server, target.port);
    else await openServer(server, { port: target.port, host: target.host });
    return [];
  } catch (error) {
    throw listenError(error as ListenFailure, target);
  }
}

async function openSocket(server: HttpServer, path: string): Promise<void> {
  try {
    await openServer(server, { path });
  } catch (error) {
    if (!isInUse(error) || !(await isStale(path))) throw error;
    await rm(path, { force: true });
    await openServer(server, { path });
  }
}

/** Whether a file is a socket without a listening process. Connections to files that are not sockets are refused, too. */
async function isStale(path: string): Promise<boolean> {
  if (!(await lstat(path)).isSocket()) return false;
  return new Promise((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(false);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}

function sharedListener(server: HttpServer, onServerClosing: BeforeClose): HttpListener {
  let release: (() => void) | undefined;
  return {
    server,
    listen: async () => {
      release = beforeClose(server, onServerClosing);
    },
    close: async () => release?.(),
  };
}

function notFound(
  _request: unknown,
  response: { writeHead(status: number): unknown; end(text: string): unknown },
): void {
  response.writeHead(404);
  response.end('This port speaks Socket.IO.\n');
}

const HINTS: ReadonlyMap<string | undefined, string> = new Map([
  ['EADDRINUSE', 'It is in use: end the other process, or choose another.'],
  ['EACCES', 'This user may not open it: choose another, or run with the right to.'],
  ['EADDRNOTAVAIL', 'This machine has no such address: check "host".'],
  ['ENOTFOUND', 'No such name is known: check "host".'],
]);

/** The host and port. For a name with several addresses, also the address that failed. */
function placeOf({ host, port }: { host: string; port: number }, { address }: ListenFailure): string {
  const place = `${host}:${port}`;
  return address !== undefined && isLocalhost(host) ? `${place}, for its address ${address}` : place;
}

/** Node's error for an address that the server cannot listen on. */
interface ListenFailure extends NodeJS.ErrnoException {
  readonly address?: string;
}

function listenError(error: ListenFailure, target: OwnTarget): N2NError {
  const where = target.kind === 'port' ? placeOf(target, error) : target.path;
  const hint = HINTS.get(error.code) ?? `${messageOf(error)}.`;
  return new N2NError('CONNECT_FAILED', `Cannot listen on ${where}. ${hint}`, {
    cause: error,
    details: { where },
  });
}
