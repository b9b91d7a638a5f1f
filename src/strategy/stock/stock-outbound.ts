import type { Clock } from '../../clock.js';
import { CallTrace, isCallTraced, publishShed, type CallKind, type SessionInfo } from '../../diagnostics.js';
import { N2NError } from '../../n2n-error.js';
import type { CallSink } from '../../rpc/outgoing/outgoing-call.js';
import { attach } from '../../protocol/values/attachments.js';
import { CodedValue, type EncodedValue } from '../../protocol/values/value.js';
import type { Caller, CallTerms, MadeCall } from '../../call/caller.js';
import { emitPlain } from '../../transport/socket-io/plain-event.js';
import type { SocketIoSocket } from '../../transport/socket-io/socket-io-server.js';

/**
 * Calls a stock Socket.IO client. A call is an event with an acknowledgement, which is its only answer. A stock client
 * cannot cancel, and only has Socket.IO's encoding: it gets JSON values and bytes. A reserved event name of Socket.IO is
 * not a valid pattern: `INVALID_OPTIONS`.
 */
export class StockOutbound implements Caller {
  /** The functions that fail the calls under way on a disconnect. Socket.IO would leave them pending. */
  private readonly underWay = new Set<() => void>();

  constructor(
    private readonly socket: SocketIoSocket,
    private readonly info: SessionInfo,
    private readonly clock: Clock,
  ) {
    socket.once('disconnect', this.onDisconnect);
  }

  call(
    pattern: string,
    value: EncodedValue,
    sink: CallSink,
    { timeout, onPayload, key }: CallTerms,
  ): MadeCall {
    const kind = key === undefined ? 'call' : 'acknowledged-event';
    const { underWay } = this;
    let trace: CallTrace | undefined;
    const onGone = (): void => fail(gone());
    const fail = (error: unknown): void => {
      if (!underWay.delete(onGone)) return;
      trace?.fail(error);
      sink.error(error);
    };
    const onAnswer = (answer: unknown): void => {
      if (!underWay.delete(onGone)) return;
      trace?.end();
      sink.next(answer, 0);
      sink.complete();
    };
    const onOutcome = (late: unknown, answer: unknown): void => {
      if (late === null) onAnswer(answer);
      else fail(tooLate(pattern, timeout, late));
    };
    this.send(kind, pattern, (socket) => {
      if (onPayload !== undefined)
        throw new N2NError('NOT_SERIALIZABLE', 'A stock Socket.IO client takes no streams.');
      if (timeout === 0) emitPlain(socket, pattern, plain(value), onAnswer);
      else emitPlain(socket.timeout(timeout), pattern, plain(value), onOutcome);
    });
    underWay.add(onGone);
    if (isCallTraced()) trace = this.traceOf(kind, pattern);
    const cancel = (): void => {
      if (underWay.delete(onGone))
        trace?.fail(new N2NError('CANCELLED', 'The caller has cancelled the call.'));
    };
    return { cancel, consumed: () => {} };
  }

  emit(pattern: string, value: EncodedValue): undefined {
    this.send('event', pattern, (socket) => emitPlain(socket, pattern, plain(value)));
    if (isCallTraced()) this.traceOf('event', pattern).end();
  }

  /** @throws N2NError `CONNECTION_LOST`: Socket.IO would silently drop the event */
  private send(kind: CallKind, pattern: string, write: (socket: SocketIoSocket) => void): void {
    try {
      if (!this.socket.connected) throw gone();
      write(this.socket);
    } catch (error) {
      publishShed('client', kind, pattern, this.info, error);
      throw error;
    }
  }

  private traceOf(kind: CallKind, pattern: string): CallTrace {
    const { info, clock } = this;
    return new CallTrace({ session: info, side: 'client', id: undefined, kind, pattern }, clock).start();
  }

  private readonly onDisconnect = (): void => {
    for (const end of this.underWay) end();
  };
}

/** Converts a value that is encoded for a frame to a value that Socket.IO encodes. */
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
