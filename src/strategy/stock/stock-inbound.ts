import type { Clock } from '../../clock.js';
import { publishError, type SessionInfo } from '../../diagnostics.js';
import { N2NError } from '../../n2n-error.js';
import { IncomingCall, refuse, refuseOverload, type ReplyPort } from '../../rpc/incoming/incoming-call.js';
import { ServingQueue } from '../../rpc/admission/serving-queue.js';
import { forSocketIo, type ValueRole } from '../../protocol/values/lift.js';
import { notSerializable, notSerializableIn } from '../../protocol/values/not-serializable.js';
import type { SocketIoSocket } from '../../transport/socket-io/socket-io-server.js';

type Acknowledge = (answer: unknown) => void;

/** Takes the plain events of a connection as calls and events. */
export interface TakenEvents {
  /** Stops listening to the socket. */
  release(): void;
  /** Refuses new calls and events. `onIdle` is called when those under way have ended. */
  drain(onIdle: () => void): void;
}

export interface TakenEventsOptions {
  readonly info: SessionInfo;
  readonly maxInFlight: number;
  readonly clock: Clock;
  /** Whether there is a handler for an event of this name. */
  readonly hasHandler: (name: string) => boolean;
  /** The number of listeners for the event that are not the application's. */
  readonly listenersOfOurs: (name: string) => number;
  readonly onCall: (call: IncomingCall) => void;
  readonly onFault: (error: unknown) => void;
}

/**
 * Takes the plain events of a connection as calls and events. It leaves events with a listener on the socket and without
 * a handler to the application.
 */
export function takeEvents(socket: SocketIoSocket, options: TakenEventsOptions): TakenEvents {
  return new StockInbound(socket, options);
}

/**
 * Serves a stock Socket.IO client. An event with an acknowledgement callback is a call, whose last value is the
 * acknowledgement. An event without a callback is an event.
 */
class StockInbound implements ReplyPort, TakenEvents {
  private readonly queue: ServingQueue;
  private readonly pending = new Map<
    number,
    { call: IncomingCall; acknowledge: Acknowledge; last: unknown }
  >();
  private nextId = 1;
  /** Set by `drain`: called when no calls are under way. */
  private onIdle: (() => void) | undefined = undefined;

  readonly info: SessionInfo;

  constructor(
    private readonly socket: SocketIoSocket,
    private readonly options: TakenEventsOptions,
  ) {
    const { info, maxInFlight, clock, onCall } = options;
    this.info = info;
    // Socket.IO buffers without a limit, and does not expose how much.
    this.queue = new ServingQueue(maxInFlight, clock, { serve: onCall, canAnswer: () => true });
    // Any name that a client sends is safe with `onAny`. It would not be with a listener for each name.
    socket.onAny(this.onEvent);
    socket.once('disconnect', this.onDisconnect);
  }

  release(): void {
    this.socket.offAny(this.onEvent);
    // The calls under way still end with the connection.
    if (this.pending.size === 0 && !this.queue.hasEvents) this.socket.off('disconnect', this.onDisconnect);
  }

  drain(onIdle: () => void): void {
    this.onIdle = onIdle;
    this.queue.onNoEvents = () => this.checkForEnd();
    this.checkForEnd();
  }

  next(call: IncomingCall, value: unknown): void {
    const entry = this.pending.get(call.id);
    if (entry !== undefined) entry.last = value;
  }

  last(call: IncomingCall, value: unknown): void {
    this.acknowledge(call, value);
  }

  complete(call: IncomingCall): void {
    this.acknowledge(call, this.pending.get(call.id)?.last);
  }

  error(call: IncomingCall, error: unknown): void {
    this.acknowledge(call, acknowledgedError(error), 'error');
  }

  /** Always ready: only the last value of a stream is sent. */
  isReady(): boolean {
    return true;
  }

  whenReady(_call: IncomingCall, callback: () => void): void {
    callback();
  }

  onFault(error: unknown): void {
    publishError(this.info, error);
    this.options.onFault(error);
  }

  onServed(call: IncomingCall): void {
    this.queue.onServed(call);
  }

  onAbandoned(): void {
    this.queue.onAbandoned();
  }

  private readonly onEvent = (event: unknown, ...args: unknown[]): void => {
    const name = String(event);
    if (this.isApplications(name)) return;
    const acknowledge = typeof args.at(-1) === 'function' ? (args.pop() as Acknowledge) : undefined;
    const data = args.length > 1 ? args : args[0];
    const id = this.nextId++;
    const call = new IncomingCall(
      id,
      {
        kind: acknowledge === undefined ? 'event' : 'call',
        pattern: name,
        data,
        envelope: undefined,
        timeout: 0,
      },
      this,
      0,
    );
    if (acknowledge !== undefined) this.pending.set(id, { call, acknowledge, last: undefined });
    if (this.onIdle !== undefined) refuse(call, 'DRAINING', 'The server is draining.', this);
    else if (!this.queue.add(call)) refuseOverload(call, this);
  };

  /** Whether only a listener of the application handles the event. */
  private isApplications(name: string): boolean {
    const { hasHandler, listenersOfOurs } = this.options;
    return this.socket.listeners(name).length > listenersOfOurs(name) && !hasHandler(name);
  }

  private acknowledge(call: IncomingCall, answer: unknown, role: ValueRole = 'value'): void {
    const entry = this.pending.get(call.id);
    this.pending.delete(call.id);
    if (entry === undefined) return;
    try {
      entry.acknowledge(forSocketIo(answer, role));
    } catch (error) {
      // Socket.IO encodes synchronously. After a failure, the acknowledgement can be called again.
      const reason = notSerializableIn(`The answer to "${call.pattern}"`, notSerializable(answer, error));
      this.onFault(reason);
      entry.acknowledge(acknowledgedError(reason));
    }
    this.checkForEnd();
  }

  private checkForEnd(): void {
    if (this.pending.size === 0 && !this.queue.hasEvents) this.onIdle?.();
  }

  private readonly onDisconnect = (): void => {
    this.queue.clear();
    const abandoned = [...this.pending.values()];
    this.pending.clear();
    const reason = new N2NError('CONNECTION_LOST', 'The client has disconnected.');
    for (const { call } of abandoned) call.cancel(reason);
    this.checkForEnd();
  };
}

/** Formats an error like Nest's gateways. */
function acknowledgedError(error: unknown): unknown {
  if (error instanceof N2NError) return { status: 'error', message: error.message, code: error.code };
  if (typeof error === 'object' && error !== null) return { status: 'error', ...error };
  return { status: 'error', message: String(error) };
}
