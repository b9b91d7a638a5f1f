import type { Server as HttpServer } from 'node:http';
import type { Socket as EngineSocket } from 'engine.io';
import { Server as SocketIoServer, type ServerOptions, type Socket } from 'socket.io';
import { connectionClose, connectionOpen, type ConnectionOpenMessage } from '../../diagnostics.js';
import { messageOf } from '../../n2n-error.js';
import { CLOSE_GRACE_MS } from '../../limits.js';
import { createHttpListener } from '../http/http-listener.js';
import {
  definedOf,
  resolveListenOptions,
  type ListenOptions,
  type ResolvedListenOptions,
} from '../http/listen-options.js';
import { listenTargetOf, type ListenTarget, type ListenTargetOptions } from '../http/listen-target.js';
import { NodeEngine } from '../engine/node-engine.js';
import { OpenStreams } from '../engine/open-streams.js';
import { guardMiddlewares, refusingRequest } from './guarded-middlewares.js';

export type { Server as SocketIoServer, Socket as SocketIoSocket } from 'socket.io';
export type { Socket as DialedSocket } from 'socket.io-client';

/** A Socket.IO server over `NodeEngine`, and functions that attach it to an HTTP server. */
export interface AttachableServer {
  readonly io: SocketIoServer;
  /** @returns a function that detaches it from the HTTP server, and closes its connections */
  readonly attach: (server: HttpServer) => () => void;
  /** Listens until the Socket.IO server is closed. Errors of the target are logged. */
  readonly open: (target: ListenTarget) => void;
}

/**
 * @param log gets a line for each connection that was refused or broke, with the reason
 * @param place the host and TLS settings for ports that the Socket.IO server opens itself
 * @throws N2NError `INVALID_OPTIONS`
 */
export function createSocketIoServer(
  given: ListenOptions,
  log: ErrorLog,
  place: Pick<ListenTargetOptions, 'host' | 'tls'> = {},
): AttachableServer {
  const options = resolveListenOptions(given);
  const { path, connectTimeout, rest } = options;
  const io: ReopenableServer = new ReopenableServer(
    { ...rest, path, connectTimeout, serveClient: false },
    (target, more) => {
      const where = listenTargetOf(target, place);
      const all = resolveListenOptions({ ...more, ...definedOf(given) });
      return openPlace(io, where, attachable(io, all, log), log);
    },
  );
  guardMiddlewares(io);
  io.on('connection', tellOfConnection);
  const attach = attachable(io, options, log);
  return { io, attach, open: (target) => io.places.push(openPlace(io, target, attach, log)) };
}

/** Binds an engine to the server. @returns `AttachableServer.attach` */
function attachable(io: SocketIoServer, options: ResolvedListenOptions, log: WarningLog): Attach {
  const { path, transports, pingInterval, pingTimeout, maxHttpBufferSize, attachment, rest } = options;
  const { allowRequest } = rest;
  const guarded = allowRequest === undefined ? {} : { allowRequest: refusingRequest(allowRequest) };
  const limits = { pingInterval, pingTimeout, maxHttpBufferSize };
  const engine = new NodeEngine({ ...rest, ...guarded, ...limits, transports });
  io.bind(engine);
  logFaults(engine, log);
  const streams = new OpenStreams();
  const accepted = new WeakSet<EngineSocket>();
  engine.on('connection', (connection: EngineSocket) => {
    accepted.add(connection);
    streams.add(connection.request.socket);
  });
  return (server) => {
    const detach = engine.attach(server, { path, ...attachment });
    return () => {
      detach();
      // io.disconnectSockets would also disconnect the clients of other servers in a cluster, and of other HTTP servers.
      for (const socket of io.sockets.sockets.values()) {
        if (accepted.has(socket.conn)) socket.disconnect(true);
      }
      engine.closeConnections();
      streams.endWithin(CLOSE_GRACE_MS);
    };
  };
}

type Attach = AttachableServer['attach'];

/**
 * Listens on the target, and serves it whenever its HTTP server listens. A shared server may close and listen again.
 *
 * @returns a function to call when the Socket.IO server closes. Socket.IO closes the HTTP server itself.
 */
function openPlace(io: ReopenableServer, target: ListenTarget, attach: Attach, log: ErrorLog): () => void {
  let isOver = false;
  const leave = (): undefined => {
    detach?.();
    detach = undefined;
    if (isOver) void listener.close();
  };
  const listener = createHttpListener(target, leave);
  const { server } = listener;
  let detach: (() => void) | undefined = attach(server);
  const enter = (): void => {
    try {
      detach ??= attach(server);
    } catch (error) {
      log.error(messageOf(error));
    }
  };
  server.on('listening', enter);
  io.httpServer = server;
  const opening = io.closed?.then(() => listener.listen()) ?? listener.listen();
  opening.catch((error: unknown) => log.error(messageOf(error)));
  return () => {
    isOver = true;
    server.off('listening', enter);
  };
}

/**
 * A Socket.IO server that uses `NodeEngine` and its settings again when it listens after `close`.
 * Socket.IO would use its own engine.
 */
class ReopenableServer extends SocketIoServer {
  /** Settles when the last `close` is complete. */
  closed: Promise<void> | undefined = undefined;
  readonly places: (() => void)[] = [];

  constructor(
    options: Partial<ServerOptions>,
    private readonly open: (target: unknown, options: ListenOptions) => () => void,
  ) {
    super(options);
  }

  override listen(...target: Parameters<SocketIoServer['attach']>): this {
    return this.attach(...target);
  }

  override attach(
    target: Parameters<SocketIoServer['attach']>[0],
    options: Partial<ServerOptions> = {},
  ): this {
    this.places.push(this.open(target, options));
    return this;
  }

  override close(done?: (error?: Error) => void): Promise<void> {
    for (const leave of this.places.splice(0)) leave();
    const { engine, httpServer } = this;
    // Socket.IO closes these after its adapters. By then the server may have new ones, which must stay open.
    const before = Object.create(this, {
      engine: { value: engine },
      httpServer: { value: httpServer },
    }) as SocketIoServer;
    this.closed = super.close.call(before, done);
    return this.closed;
  }
}

/** The remote address of a connection, as `ip:port`. Empty for a Unix domain socket. */
export function remoteAddressOf({ request }: Pick<Socket, 'request'>): string {
  const { remoteAddress, remotePort } = request.socket;
  if (remoteAddress === undefined || remotePort === undefined) return '';
  return remoteAddress.includes(':') ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`;
}

function tellOfConnection(socket: Socket): void {
  if (connectionOpen.hasSubscribers) connectionOpen.publish(infoOf(socket));
  socket.on('disconnect', tellOfClose);
}

/** A shared function, so that sockets need no closures. */
function tellOfClose(this: Socket, reason: string, cause?: unknown): void {
  if (connectionClose.hasSubscribers) connectionClose.publish({ ...infoOf(this), reason, cause });
}

function infoOf(socket: Socket): ConnectionOpenMessage {
  const address = remoteAddressOf(socket);
  return { id: socket.id, role: 'acceptor', address, transport: socket.conn.transport.name };
}

/** The log of `logFaults`. */
export interface WarningLog {
  warn(message: string): void;
}

interface ErrorLog extends WarningLog {
  error(message: string): void;
}

interface Refusal {
  readonly message: string;
  readonly context?: { readonly message?: string; readonly name?: string; readonly transport?: string };
}

/** Engine.IO's reasons for a broken connection. The other reasons mean that a side closed it. */
const FAULTS: ReadonlySet<string> = new Set(['ping timeout', 'transport error', 'parse error']);

function logFaults(engine: NodeEngine, log: WarningLog): void {
  engine.on('connection_error', ({ message, context }: Refusal) => {
    const details = context?.message ?? context?.name ?? JSON.stringify(context?.transport) ?? 'no details';
    log.warn(`a connection was refused: ${message} (${details})`);
  });
  engine.on('connection', (socket: EngineSocket) => {
    socket.once('close', (reason: string, cause?: unknown) => {
      if (!FAULTS.has(reason)) return;
      log.warn(`a connection was closed: ${reason}${cause === undefined ? '' : ` (${messageOf(cause)})`}`);
    });
  });
}
