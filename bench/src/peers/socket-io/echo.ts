import type { Server } from 'socket.io';
import type { Socket } from 'socket.io-client';
import { Tally, type Tallied } from '../../tally.js';
import { COUNTED, ECHO, TALLY, type Connection } from '../peer.js';

/** The longest packet taken: the longest payload of a scenario, and what is around it. */
export const MOST_BYTES = 20 * 1024 * 1024;

export function answerEcho(server: Server): void {
  const tally = new Tally();
  server.on('connection', (socket) => {
    socket.on(ECHO, (payload: unknown, acknowledge: (answer: unknown) => void) => acknowledge(payload));
    socket.on(COUNTED, (payload: unknown) => tally.add(payload));
    socket.on(TALLY, (acknowledge: (answer: Tallied) => void) => acknowledge(tally.read()));
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
    events: {
      emit: (payload) => void socket.emit(COUNTED, payload),
      tally: (done) => void socket.emit(TALLY, (answer: unknown) => done(undefined, answer)),
    },
    async close() {
      socket.close();
    },
  };
}
