import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { listenOnLoopback } from './listen.js';
import type { Peer } from './peer.js';
import { PendingCalls } from './tcp/pending-calls.js';

/** Length of the data, then number of the call, 32 bits each, big-endian. */
const HEADER_BYTES = 8;

/** The floor for bytes: whole messages over a bare socket, each collected as it comes and copied once. */
export const tcpBinary: Peer = {
  async serve() {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      socket.on('error', () => socket.destroy());
      socket.setNoDelay(true);
      readMessages(socket, (call, data) => writeMessage(socket, call, data));
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
    readMessages(socket, (call, data) => pending.take(call)(undefined, data));
    socket.on('error', (error) => pending.failAll(error));
    socket.once('close', () => pending.failAll(new Error('The connection was closed.')));
    return {
      call(payload, done) {
        if (!Buffer.isBuffer(payload)) throw new TypeError('This peer carries Buffers.');
        writeMessage(socket, pending.add(done), payload);
      },
      async close() {
        socket.destroy();
      },
    };
  },
};

function writeMessage(socket: Socket, call: number, data: Buffer): void {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header.writeUInt32BE(data.length, 0);
  header.writeUInt32BE(call, 4);
  // Both in one system call.
  socket.cork();
  socket.write(header);
  socket.write(data);
  socket.uncork();
}

function readMessages(socket: Socket, onMessage: (call: number, data: Buffer) => void): void {
  let pieces: Buffer[] = [];
  let have = 0;
  let need = HEADER_BYTES;
  socket.on('data', (piece: Buffer) => {
    pieces.push(piece);
    have += piece.length;
    while (have >= need) {
      const whole = pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces, have);
      pieces = [whole];
      need = HEADER_BYTES + whole.readUInt32BE(0);
      if (have < need) return;
      onMessage(whole.readUInt32BE(4), whole.subarray(HEADER_BYTES, need));
      pieces = [whole.subarray(need)];
      have -= need;
      need = HEADER_BYTES;
    }
  });
}
