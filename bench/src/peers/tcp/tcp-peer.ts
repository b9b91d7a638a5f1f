import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { listenOnLoopback } from '../listen.js';
import type { Peer } from '../peer.js';
import { FrameReader, type Writer } from './frame.js';
import { PendingCalls } from './pending-calls.js';

/** Request and response over a bare socket: the payload's JSON is made and parsed on both sides, as the others do. */
export function tcpPeer(makeWriter: (socket: Socket) => Writer): Peer {
  return {
    async serve() {
      const sockets = new Set<Socket>();
      const server = createServer((socket) => {
        sockets.add(socket);
        socket.once('close', () => sockets.delete(socket));
        socket.on('error', () => socket.destroy());
        socket.setNoDelay(true);
        const writer = makeWriter(socket);
        const reader = new FrameReader((call, text) => writer.send(call, JSON.stringify(JSON.parse(text))));
        socket.on('data', (chunk: Buffer) => reader.push(chunk));
      });
      const address = await listenOnLoopback(server, 'tcp');
      return {
        address,
        async close() {
          server.close();
          for (const socket of sockets) socket.destroy();
        },
      };
    },

    async connect(address) {
      const { hostname, port } = new URL(address);
      const socket = connect({ host: hostname, port: Number(port), noDelay: true });
      await once(socket, 'connect');
      const writer = makeWriter(socket);
      const pending = new PendingCalls();
      const reader = new FrameReader((call, text) => pending.take(call)(undefined, JSON.parse(text)));
      socket.on('data', (chunk: Buffer) => reader.push(chunk));
      socket.on('error', (error) => pending.failAll(error));
      socket.once('close', () => pending.failAll(new Error('The connection was closed.')));
      return {
        call: (payload, done) => writer.send(pending.add(done), JSON.stringify(payload)),
        async close() {
          socket.destroy();
        },
      };
    },
  };
}
