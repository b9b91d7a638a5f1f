import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { listenOnLoopback } from '../listen.js';
import type { Peer } from '../peer.js';
import { PendingCalls } from './pending-calls.js';

type Send = (call: number, value: unknown) => void;

/** Begins to read a socket, telling each message that has come whole; returns how to send one. */
type Open = (socket: Socket, onMessage: Send) => Send;

/** Request and response over a bare socket: what the floors have in common. */
export function socketPeer(open: Open): Peer {
  return {
    async serve() {
      const sockets = new Set<Socket>();
      const server = createServer((socket) => {
        sockets.add(socket);
        socket.once('close', () => sockets.delete(socket));
        socket.on('error', () => socket.destroy());
        socket.setNoDelay(true);
        const send = open(socket, (call, value) => send(call, value));
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
      const pending = new PendingCalls();
      const send = open(socket, (call, value) => pending.take(call)(undefined, value));
      socket.on('error', (error) => pending.failAll(error));
      socket.once('close', () => pending.failAll(new Error('The connection was closed.')));
      return {
        call: (payload, done) => send(pending.add(done), payload),
        async close() {
          socket.destroy();
        },
      };
    },
  };
}
