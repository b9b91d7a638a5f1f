import type { Socket } from 'node:net';
import { socketPeer } from './tcp/socket-peer.js';

/** Length of the data, then number of the call, 32 bits each, big-endian. */
const HEADER_BYTES = 8;

/** The floor for bytes: whole messages over a bare socket, each collected as it comes and copied once. */
export const tcpBinary = socketPeer((socket, onMessage) => {
  readMessages(socket, onMessage);
  return (call, data) => {
    if (!Buffer.isBuffer(data)) throw new TypeError('This peer carries Buffers.');
    writeMessage(socket, call, data);
  };
});

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
