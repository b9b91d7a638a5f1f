import { lstat, rm } from 'node:fs/promises';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect, type ListenOptions } from 'node:net';
import { N2NError, messageOf } from '../../n2n-error.js';
import type { ListenTarget } from './listen-target.js';

type OwnTarget = Exclude<ListenTarget, { kind: 'shared' }>;

/** The HTTP server under a Socket.IO server. */
export interface HttpListener {
  readonly server: HttpServer;
  /** @throws N2NError `CONNECT_FAILED` when the port, or the path, cannot be listened on */
  listen(): Promise<void>;
  /** Ends the listening where the server is our own. */
  close(): Promise<void>;
}

/** @param onServerClosing is called when somebody else closes the server that is shared */
export function createHttpListener(target: ListenTarget, onServerClosing: () => void): HttpListener {
  return target.kind === 'shared' ? sharedListener(target.server, onServerClosing) : ownListener(target);
}

function ownListener(target: OwnTarget): HttpListener {
  const server =
    target.tls === undefined
      ? createHttpServer(notFound)
      : (createHttpsServer(target.tls, notFound) as HttpServer);
  const where = target.kind === 'port' ? { port: target.port, host: target.host } : { path: target.path };
  return {
    server,
    listen: () => listenOn(server, where, target),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Opens the port or the socket. A socket file that a process has left behind is taken over. */
async function listenOn(server: HttpServer, where: ListenOptions, target: OwnTarget): Promise<void> {
  try {
    try {
      await opened(server, where);
    } catch (error) {
      if (target.kind !== 'socket' || !isInUse(error) || !(await isStale(target.path))) throw error;
      await rm(target.path, { force: true });
      await opened(server, where);
    }
  } catch (error) {
    throw listenError(error as NodeJS.ErrnoException, target);
  }
}

function opened(server: HttpServer, where: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function isInUse(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
}

/** Whether a file is a socket that no process listens on. A connection to any other file is refused, too. */
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

function sharedListener(server: HttpServer, onServerClosing: () => void): HttpListener {
  const restore = beforeClose(server, onServerClosing);
  return {
    server,
    listen: async () => {},
    close: async () => restore(),
  };
}

/**
 * Runs a task when `server.close()` is called. A hybrid Nest app closes its HTTP server before its microservices, and
 * an HTTP server that is closing waits for connections that were upgraded, and tells nobody that it waits.
 */
function beforeClose(server: HttpServer, task: () => void): () => void {
  // `close` as the server has it from its class, or as somebody else has set it.
  const before = Object.getOwnPropertyDescriptor(server, 'close');
  const close = server.close.bind(server);
  server.close = (callback) => {
    task();
    return close(callback);
  };
  return () => {
    if (before === undefined) Reflect.deleteProperty(server, 'close');
    else Object.defineProperty(server, 'close', before);
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

function listenError(error: NodeJS.ErrnoException, target: OwnTarget): N2NError {
  const where = target.kind === 'port' ? `${target.host}:${target.port}` : target.path;
  const hint = HINTS.get(error.code) ?? `${messageOf(error)}.`;
  return new N2NError('CONNECT_FAILED', `Cannot listen on ${where}. ${hint}`, {
    cause: error,
    details: { where },
  });
}
