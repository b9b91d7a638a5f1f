import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { N2NError, messageOf } from '../n2n-error.js';
import type { ListenTarget, ResolvedN2NServerOptions } from './n2n-server-options.js';

/** The HTTP server under a Socket.IO server: its own, or one that it shares. */
export interface Listener {
  readonly server: HttpServer;
  /** @throws N2NError `CONNECT_FAILED` when the port, or the path, cannot be listened on */
  listen(): Promise<void>;
  /** Ends the listening where the server is our own. */
  close(): Promise<void>;
}

/**
 * @param onServerClosing is called when somebody else closes the server that is shared
 */
export function createListener(options: ResolvedN2NServerOptions, onServerClosing: () => void): Listener {
  return options.target.kind === 'shared'
    ? sharedListener(options.target.server as HttpServer, onServerClosing)
    : ownListener(options, options.target);
}

function ownListener({ tls }: ResolvedN2NServerOptions, target: Exclude<ListenTarget, { kind: 'shared' }>): Listener {
  const server = tls === undefined ? createHttpServer(notFound) : (createHttpsServer(tls, notFound) as HttpServer);
  const where = target.kind === 'port' ? { port: target.port, host: target.host } : { path: target.path };
  return {
    server,
    listen: () =>
      new Promise((resolve, reject) => {
        const onError = (error: NodeJS.ErrnoException): void => reject(listenError(error, target));
        server.once('error', onError);
        server.listen(where, () => {
          server.off('error', onError);
          resolve();
        });
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function sharedListener(server: HttpServer, onServerClosing: () => void): Listener {
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
  const close = server.close.bind(server);
  server.close = (callback) => {
    task();
    return close(callback);
  };
  return () => {
    server.close = close;
  };
}

function notFound(_request: unknown, response: { writeHead(status: number): unknown; end(text: string): unknown }): void {
  response.writeHead(404);
  response.end('This port speaks Socket.IO.\n');
}

function listenError(error: NodeJS.ErrnoException, target: Exclude<ListenTarget, { kind: 'shared' }>): N2NError {
  const where = target.kind === 'port' ? `${target.host}:${target.port}` : target.path;
  const hints: Record<string, string> = {
    EADDRINUSE: 'It is in use: end the other process, or choose another.',
    EACCES: 'This user may not open it: choose another, or run with the right to.',
    EADDRNOTAVAIL: 'This machine has no such address: check "host".',
    ENOTFOUND: 'No such name is known: check "host".',
  };
  const hint = hints[error.code ?? ''] ?? messageOf(error);
  return new N2NError('CONNECT_FAILED', `Cannot listen on ${where}. ${hint}`, { cause: error, details: { where } });
}
