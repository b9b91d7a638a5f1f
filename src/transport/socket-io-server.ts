import type { Server as HttpServer } from 'node:http';
import { Server as SocketIoServer } from 'socket.io';
import { resolveListenOptions, type ListenOptions } from './listen-options.js';
import { NodeEngine } from './node-engine.js';

export type { Server as SocketIoServer, Socket as SocketIoSocket } from 'socket.io';
export type { Socket as DialledSocket } from 'socket.io-client';

/** A Socket.IO server over `NodeEngine`, and how it comes to an HTTP server. */
export interface AttachableServer {
  readonly io: SocketIoServer;
  readonly engine: NodeEngine;
  /** @returns what takes it off the HTTP server again, and closes its connections */
  readonly attach: (server: HttpServer) => () => void;
}

/** @throws N2NError `INVALID_OPTIONS` */
export function createSocketIoServer(given: ListenOptions): AttachableServer {
  const { path, transports, pingInterval, pingTimeout, connectTimeout, maxHttpBufferSize, rest } =
    resolveListenOptions(given);
  const io = new SocketIoServer({ ...rest, path, connectTimeout, serveClient: false });
  const engine = new NodeEngine({ ...rest, transports, pingInterval, pingTimeout, maxHttpBufferSize });
  io.bind(engine);
  return {
    io,
    engine,
    attach: (server) => {
      const detach = engine.attach(server, { path });
      return () => {
        detach();
        io.disconnectSockets(true);
        engine.close();
      };
    },
  };
}
