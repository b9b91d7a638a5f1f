import { shownPattern } from '../../rpc/incoming/incoming-call.js';
import type { SocketIoSocket } from '../../transport/socket-io/socket-io-server.js';

type Acknowledge = (answer: unknown) => void;

/**
 * Refuses plain events that an N2N client emits on its Socket.IO socket, for example with `client.unwrap().socket.emit`.
 * Events that the application listens to are left alone. The first refusal of a connection is logged.
 */
export function refusePlainEvents(socket: SocketIoSocket, log: { warn(message: string): void }): void {
  let hasWarned = false;
  socket.onAny((event: string, ...args: unknown[]) => {
    if (socket.listenerCount(event) > 0) return;
    const message = `The plain event "${shownPattern(event)}" was refused: an N2N client calls handlers with send() and emit().`;
    if (!hasWarned) log.warn(message);
    hasWarned = true;
    const acknowledge = args.at(-1);
    if (typeof acknowledge === 'function')
      (acknowledge as Acknowledge)({ status: 'error', message, code: 'NO_HANDLER' });
  });
}
