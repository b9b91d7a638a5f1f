import { createServer } from 'node:http';
import { io } from 'socket.io-client';
import { listen, NodeClientTransport } from 'nestjs-n2n/node';
import { listenOnLoopback } from './listen.js';
import type { Peer } from './peer.js';
import { answerEcho, MOST_BYTES, socketIoConnection } from './socket-io/echo.js';

/** The same as `socket.io-ws` over nodeTransport, with Socket.IO's own client. */
export const nodeTransport: Peer = {
  async serve() {
    const http = createServer();
    const server = listen(http, { transports: ['nodeTransport'], maxHttpBufferSize: MOST_BYTES });
    answerEcho(server);
    const address = await listenOnLoopback(http, 'http');
    return { address, close: () => server.close() };
  },

  connect: (address) =>
    socketIoConnection(
      io(address, { transports: [NodeClientTransport], reconnection: false, forceNew: true }),
    ),
};
