import { N2NError } from '../n2n-error.js';
import type { Caller } from '../proxy/caller.js';
import { CodedValue } from '../protocol/value.js';
import type { SocketIoSocket } from '../transport/socket-io-server.js';

/**
 * Calls a stock Socket.IO client: a call is an event with an acknowledgement, which is its one answer. Such a client
 * cannot be told to stop, and has no codec.
 */
export function stockCaller(socket: SocketIoSocket): Caller {
  return {
    call: (pattern, value, sink, terms) => {
      if (terms.onPayload !== undefined) {
        throw new N2NError('NOT_SERIALIZABLE', 'A stock Socket.IO client takes no streams.');
      }
      let isOver = false;
      const settle = (error: unknown, answer?: unknown): void => {
        if (isOver) return;
        isOver = true;
        if (error !== null) {
          sink.error(
            new N2NError('TIMEOUT', `The client did not acknowledge "${pattern}" in time.`, { cause: error }),
          );
          return;
        }
        sink.next(answer, 0);
        sink.complete();
      };
      if (terms.timeout > 0) socket.timeout(terms.timeout).emit(pattern, plain(value), settle);
      else socket.emit(pattern, plain(value), (answer: unknown) => settle(null, answer));
      return {
        cancel: () => {
          isOver = true;
        },
        consumed: () => {},
      };
    },
    emit: (pattern, value) => {
      socket.emit(pattern, plain(value));
      return true;
    },
  };
}

/** What was encoded for a frame, as the value that Socket.IO encodes in its own way. */
function plain(value: Parameters<Caller['emit']>[1]): unknown {
  if (value === undefined || typeof value === 'number' || value instanceof Uint8Array) return value;
  if (typeof value === 'string') return JSON.parse(value) as unknown;
  if (value instanceof CodedValue) return value.bytes;
  throw new N2NError('NOT_SERIALIZABLE', 'A stock Socket.IO client takes bytes only as the whole payload.');
}
