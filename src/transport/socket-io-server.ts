import type { Server as HttpServer } from 'node:http';
import { Server as SocketIoServer, type ServerOptions } from 'socket.io';
import { NodeEngine } from './node-engine.js';

export type { Server as SocketIoServer, Socket as SocketIoSocket } from 'socket.io';

/** How a Socket.IO server over `NodeEngine` is set up: every value is there, and has been checked. */
export interface SocketIoSettings {
  /** With a slash on either side. */
  readonly path: string;
  readonly transports: readonly string[];
  /** How often the server pings a client, in milliseconds. */
  readonly heartbeatInterval: number;
  /** How long a client may take to answer a ping, in milliseconds. */
  readonly heartbeatTimeout: number;
  /** How long a client may take to join a namespace after it has connected, in milliseconds. */
  readonly handshakeTimeout: number;
  /** The longest packet that is taken, in bytes. */
  readonly maxPacket: number;
  /** Further options of Socket.IO and Engine.IO, which pass as they are. */
  readonly socketIo: Partial<ServerOptions>;
}

/** A Socket.IO server that can be attached to one HTTP server after the other. */
export interface AttachableServer {
  readonly io: SocketIoServer;
  /** @returns what takes it off the HTTP server again, and closes its connections */
  attach(server: HttpServer): () => void;
}

export function createSocketIoServer(settings: SocketIoSettings): AttachableServer {
  const options = {
    ...settings.socketIo,
    path: settings.path,
    connectTimeout: settings.handshakeTimeout,
    serveClient: false,
  };
  const io = new SocketIoServer(options);
  const engine = new NodeEngine({
    ...settings.socketIo,
    transports: settings.transports,
    pingInterval: settings.heartbeatInterval,
    pingTimeout: settings.heartbeatTimeout,
    maxHttpBufferSize: settings.maxPacket,
    upgradeTimeout: settings.handshakeTimeout,
  });
  io.bind(engine);
  return {
    io,
    attach: (server) => {
      const detach = engine.attach(server, { path: settings.path });
      return () => {
        detach();
        io.disconnectSockets(true);
        engine.close();
      };
    },
  };
}
