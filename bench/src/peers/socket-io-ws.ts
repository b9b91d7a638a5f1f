import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { io } from 'socket.io-client';
import { listenOnLoopback } from './listen.js';
import { ECHO, type Peer } from './peer.js';

/** What a user would write without Nest: Socket.IO with its defaults, straight to WebSocket. */
export const socketIoWs: Peer = {
  async serve() {
    const http = createServer();
    const server = new Server(http, { transports: ['websocket'], serveClient: false });
    server.on('connection', (socket) => {
      socket.on(ECHO, (payload: unknown, acknowledge: (answer: unknown) => void) => acknowledge(payload));
    });
    const address = await listenOnLoopback(http, 'http');
    return { address, close: () => server.close() };
  },

  async connect(address) {
    // Reconnecting would hide a broken connection behind a slow round.
    const socket = io(address, { transports: ['websocket'], reconnection: false });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('connect_error', reject);
    });
    return {
      call(payload, done) {
        socket.emit(ECHO, payload, (answer: unknown) => done(undefined, answer));
      },
      async close() {
        socket.close();
      },
    };
  },
};
