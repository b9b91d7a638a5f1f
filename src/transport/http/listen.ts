import type { Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Server as SocketIoServer } from 'socket.io';
import { messageOf } from '../../n2n-error.js';
import { createHttpListener } from './http-listener.js';
import type { ListenOptions } from './listen-options.js';
import { resolveListenTarget, type ListenTarget, type ListenTargetOptions } from './listen-target.js';
import { resolveLogger, type LogOptions } from '../logger.js';
import { optionError } from '../option-checks.js';
import { createSocketIoServer } from '../socket-io/socket-io-server.js';

/** The options of `listen`: Socket.IO's own, and where and how the server's own port is opened. */
export interface ListenSettings
  extends ListenOptions, LogOptions, Pick<ListenTargetOptions, 'host' | 'tls'> {}

/**
 * A Socket.IO server with nodeTransport on.
 *
 * @param target an HTTP(S) server, whose other routes and upgrades stay as they are; a port, which is opened; or a path
 * of a Unix domain socket as `unix:/path`
 * @returns Socket.IO's own server. Its `httpServer` tells `listening`; that the port cannot be opened is an `error` of
 * `httpServer`, which is logged.
 * @throws N2NError `INVALID_OPTIONS`
 *
 * @example
 * const server = listen(6262);
 * server.on('connection', (client) => client.on('message', (data) => client.send(data)));
 */
export function listen(
  target: HttpServer | HttpsServer | number | string,
  settings: ListenSettings = {},
): SocketIoServer {
  const { host, tls, logging, logLevel, logger, ...options } = settings;
  const log = resolveLogger({ logging, logLevel, logger }, 'N2N');
  const where = targetOf(target, { host, tls });
  const { io, attach } = createSocketIoServer(options, log);
  const listener = createHttpListener(where, () => detach());
  const detach = attach(listener.server);
  io.httpServer = listener.server;
  listener.listen().catch((error: unknown) => log.error(messageOf(error)));
  return io;
}

function targetOf(target: unknown, own: Pick<ListenSettings, 'host' | 'tls'>): ListenTarget {
  if (typeof target === 'number') return resolveListenTarget({ port: target, ...own });
  if (typeof target === 'object' && target !== null)
    return resolveListenTarget({ server: target as HttpServer, ...own });
  if (typeof target === 'string' && target.startsWith('unix:')) {
    return resolveListenTarget({ socketPath: target.slice('unix:'.length).replace(/^\/\/\//, '/'), ...own });
  }
  if (typeof target === 'string' && /^\d+$/.test(target))
    return resolveListenTarget({ port: Number(target), ...own });
  throw optionError('target', target, 'a port, an HTTP server, or "unix:/path/to/socket"');
}
