import type { Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Server as SocketIoServer } from 'socket.io';
import type { ListenOptions } from './listen-options.js';
import { listenTargetOf, type ListenTargetOptions } from './listen-target.js';
import { resolveLogger, type LogOptions } from '../logger.js';
import { createSocketIoServer } from '../socket-io/socket-io-server.js';

/** The options of `listen`: those of Socket.IO, and those of the port. */
export interface ListenSettings
  extends ListenOptions, LogOptions, Pick<ListenTargetOptions, 'host' | 'tls'> {}

/**
 * Makes a Socket.IO server with nodeTransport, and listens.
 *
 * @param target a port, the path of a Unix domain socket as `unix:/path`, or an HTTP(S) server, whose other routes and upgrades
 * are not affected
 * @returns Socket.IO's own server. Its `httpServer` emits `listening`, or `error` if it cannot listen. The error is logged, too.
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
  const place = { host, tls };
  const where = listenTargetOf(target, place);
  const { io, open } = createSocketIoServer(options, log, place);
  open(where);
  return io;
}
