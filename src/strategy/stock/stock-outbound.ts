import { N2NError } from '../../n2n-error.js';
import type { CallSink } from '../../rpc/outgoing/outgoing-call.js';
import { attach } from '../../protocol/values/attachments.js';
import { CodedValue, type EncodedValue } from '../../protocol/values/value.js';
import type { Caller, CallTerms, MadeCall } from '../../call/caller.js';
import { emitPlain } from '../../transport/socket-io/plain-event.js';
import type { SocketIoSocket } from '../../transport/socket-io/socket-io-server.js';

/**
 * Calls a stock Socket.IO client: a call is an event with an acknowledgement, which is its one answer. Such a client
 * cannot be told to stop, and has no codec but Socket.IO's own: it is given what JSON makes of a value, and bytes. Names
 * that Socket.IO has a meaning for are no patterns: `INVALID_OPTIONS`.
 */
export class StockOutbound implements Caller {
  /** What ends the calls under way when the client goes: Socket.IO lets them wait. */
  private readonly underWay = new Set<() => void>();

  constructor(private readonly socket: SocketIoSocket) {
    socket.once('disconnect', this.onDisconnect);
  }

  call(pattern: string, value: EncodedValue, sink: CallSink, { timeout, onPayload }: CallTerms): MadeCall {
    if (onPayload !== undefined) {
      throw new N2NError('NOT_SERIALIZABLE', 'A stock Socket.IO client takes no streams.');
    }
    const { socket, underWay } = this.connected();
    const settle = (tell: () => void): void => {
      if (underWay.delete(onGone)) tell();
    };
    const onGone = (): void => settle(() => sink.error(gone()));
    underWay.add(onGone);
    const onAnswer = (answer: unknown): void =>
      settle(() => {
        sink.next(answer, 0);
        sink.complete();
      });
    const onOutcome = (late: unknown, answer: unknown): void => {
      if (late === null) onAnswer(answer);
      else settle(() => sink.error(tooLate(pattern, timeout, late)));
    };
    try {
      if (timeout === 0) emitPlain(socket, pattern, plain(value), onAnswer);
      else emitPlain(socket.timeout(timeout), pattern, plain(value), onOutcome);
    } catch (error) {
      settle(() => {});
      throw error;
    }
    return { cancel: () => settle(() => {}), consumed: () => {} };
  }

  emit(pattern: string, value: EncodedValue): undefined {
    emitPlain(this.connected().socket, pattern, plain(value));
  }

  private readonly onDisconnect = (): void => {
    for (const end of this.underWay) end();
  };

  /** @throws N2NError `CONNECTION_LOST`: Socket.IO would drop what is sent, without a word */
  private connected(): this {
    if (!this.socket.connected) throw gone();
    return this;
  }
}

/** What was encoded for a frame, as the value that Socket.IO encodes in its own way. */
function plain(value: EncodedValue): unknown {
  if (value === undefined || typeof value === 'number' || value instanceof Uint8Array) return value;
  if (typeof value === 'string') return JSON.parse(value) as unknown;
  if (value instanceof CodedValue) return value.bytes;
  return attach(Buffer.concat([value.head, ...value.pieces]));
}

function gone(): N2NError {
  return new N2NError('CONNECTION_LOST', 'The client has disconnected.');
}

function tooLate(pattern: string, timeout: number, cause: unknown): N2NError {
  return new N2NError('TIMEOUT', `The client did not acknowledge "${pattern}" within ${timeout} ms.`, {
    details: { pattern, timeout },
    cause,
  });
}
