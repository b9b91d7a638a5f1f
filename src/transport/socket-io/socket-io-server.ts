import type { Server as HttpServer } from 'node:http';
import type { Socket as EngineSocket } from 'engine.io';
import { Server as SocketIoServer, type Socket } from 'socket.io';
import { connectionClose, connectionOpen, type ConnectionOpenMessage } from '../../diagnostics.js';
import { messageOf } from '../../n2n-error.js';
import { CLOSE_GRACE_MS } from '../../limits.js';
import { resolveListenOptions, type ListenOptions } from '../http/listen-options.js';
import { NodeEngine } from '../engine/node-engine.js';
import { OpenStreams } from '../engine/open-streams.js';
import { guardMiddlewares, refusingRequest } from './guarded-middlewares.js';

export type { Server as SocketIoServer, Socket as SocketIoSocket } from 'socket.io';
export type { Socket as DialedSocket } from 'socket.io-client';

/** A Socket.IO server over `NodeEngine`, and how it comes to an HTTP server. */
export interface AttachableServer {
  readonly io: SocketIoServer;
  /** @returns what takes it off the HTTP server again, and closes its connections */
  readonly attach: (server: HttpServer) => () => void;
}

/**
 * @param log told of connections that were refused or broke, with the reason
 * @throws N2NError `INVALID_OPTIONS`
 */
export function createSocketIoServer(given: ListenOptions, log: WarningLog): AttachableServer {
  const { path, transports, pingInterval, pingTimeout, connectTimeout, maxHttpBufferSize, rest } =
    resolveListenOptions(given);
  const io = new SocketIoServer({ ...rest, path, connectTimeout, serveClient: false });
  const { allowRequest } = rest;
  const guarded = allowRequest === undefined ? {} : { allowRequest: refusingRequest(allowRequest) };
  const limits = { pingInterval, pingTimeout, maxHttpBufferSize };
  const engine = new NodeEngine({ ...rest, ...guarded, ...limits, transports });
  io.bind(engine);
  logFaults(engine, log);
  guardMiddlewares(io);
  io.on('connection', tellOfConnection);
  const streams = new OpenStreams();
  engine.on('connection', ({ request }: EngineSocket) => streams.add(request.socket));
  return {
    io,
    attach: (server) => {
      const detach = engine.attach(server, { path });
      return () => {
        detach();
        io.disconnectSockets(true);
        engine.closeConnections();
        streams.endWithin(CLOSE_GRACE_MS);
      };
    },
  };
}

/** Where a connection comes from, as `ip:port`; empty for a Unix domain socket. */
export function remoteAddressOf({ request }: Pick<Socket, 'request'>): string {
  const { remoteAddress, remotePort } = request.socket;
  if (remoteAddress === undefined || remotePort === undefined) return '';
  return remoteAddress.includes(':') ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`;
}

function tellOfConnection(socket: Socket): void {
  if (connectionOpen.hasSubscribers) connectionOpen.publish(infoOf(socket));
  socket.on('disconnect', tellOfClose);
}

/** One function for all sockets. */
function tellOfClose(this: Socket, reason: string, cause?: unknown): void {
  if (connectionClose.hasSubscribers) connectionClose.publish({ ...infoOf(this), reason, cause });
}

function infoOf(socket: Socket): ConnectionOpenMessage {
  const address = remoteAddressOf(socket);
  return { id: socket.id, role: 'acceptor', address, transport: socket.conn.transport.name };
}

/** What `logFaults` writes to. */
export interface WarningLog {
  warn(message: string): void;
}

interface Refusal {
  readonly message: string;
  readonly context?: { readonly message?: string; readonly name?: string };
}

/** Reasons of Engine.IO that mean a broken connection, and not one that somebody closed. */
const FAULTS: ReadonlySet<string> = new Set(['ping timeout', 'transport error', 'parse error']);

function logFaults(engine: NodeEngine, log: WarningLog): void {
  engine.on('connection_error', ({ message, context }: Refusal) => {
    log.warn(`a connection was refused: ${message} (${context?.message ?? context?.name ?? 'no details'})`);
  });
  engine.on('connection', (socket: EngineSocket) => {
    socket.once('close', (reason: string, cause?: unknown) => {
      if (!FAULTS.has(reason)) return;
      log.warn(`a connection was closed: ${reason}${cause === undefined ? '' : ` (${messageOf(cause)})`}`);
    });
  });
}
