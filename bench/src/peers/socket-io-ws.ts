import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { io } from 'socket.io-client';
import { listenOnLoopback } from './listen.js';
import type { Peer } from './peer.js';
import { answerEcho, MOST_BYTES, socketIoConnection } from './socket-io/echo.js';

/** What a user would write without Nest: Socket.IO with its defaults, straight to WebSocket. */
export const socketIoWs: Peer = {
  async serve() {
    const http = createServer();
    const server = new Server(http, {
      transports: ['websocket'],
      serveClient: false,
      maxHttpBufferSize: MOST_BYTES,
    });
    answerEcho(server);
    const address = await listenOnLoopback(http, 'http');
    return { address, close: () => server.close() };
  },

  // Reconnecting would hide a broken connection behind a slow round. A Manager each, so that each is a connection.
  connect: (address) =>
    socketIoConnection(io(address, { transports: ['websocket'], reconnection: false, forceNew: true })),
};
