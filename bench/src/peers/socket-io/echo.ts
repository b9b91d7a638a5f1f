import type { Server } from 'socket.io';
import type { Socket } from 'socket.io-client';
import { ECHO, type Connection } from '../peer.js';

/** The longest packet taken: the default of this library, four times Socket.IO's. */
export const MOST_BYTES = 4 * 1024 * 1024;

export function answerEcho(server: Server): void {
  server.on('connection', (socket) => {
    socket.on(ECHO, (payload: unknown, acknowledge: (answer: unknown) => void) => acknowledge(payload));
  });
}

/** Calls as events with acknowledgements. */
export async function socketIoConnection(socket: Socket): Promise<Connection> {
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
}
