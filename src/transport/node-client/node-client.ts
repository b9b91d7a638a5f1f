import { EventEmitter } from 'node:events';
import type { Socket } from 'socket.io-client';
import { messageOf, N2NError } from '../../n2n-error.js';
import { backoffDelay, comesEarly } from '../connection/backoff.js';
import type { TimerHandle } from '../../clock.js';
import { Connection, type ConnectionOutcome } from '../connection/connection.js';
import { addressLabel } from '../connection/server-address.js';
import { greetNobody, type Greet } from '../connection/greeting.js';
import type { NodeClientError, NodeClientEvents } from './node-client-events.js';
import {
  resolveNodeClientOptions,
  type NodeClientOptions,
  type ResolvedNodeClientOptions,
} from './node-client-options.js';
import { SendBuffer } from './send-buffer.js';

/**
 * What the client is about. `attempt` is 0 for the attempt that `connect()` makes, and counts reconnection attempts
 * from 1.
 *
 *     idle ──connect()──▶ connecting 0 ──succeeds──▶ connected
 *                               │                      │  ▲
 *                             fails                   lost │ succeeds
 *                               ▼                      ▼  │
 *                           waiting 1 ◀─────────── waiting 1
 *                               └──delay passed──▶ connecting 1 ──fails──▶ waiting 2 ──▶ … ──▶ idle
 *
 * `disconnect()` leads from everywhere to idle, `manualConnect()` from everywhere but connected to connecting 0, and
 * the failure of the last attempt, or of any without `reconnect`, to idle.
 */
type State =
  | { readonly is: 'idle' }
  | { readonly is: 'connecting'; readonly attempt: number; readonly connection: Connection }
  | { readonly is: 'connected'; readonly connection: Connection }
  | { readonly is: 'waiting'; readonly attempt: number; readonly timer: TimerHandle };

/**
 * A connection to a Socket.IO server that keeps itself alive: it notices a server that hangs, and reconnects.
 *
 * @example
 * const client = new NodeClient('localhost', 6262);
 * client.on('message', (data) => console.log(data));
 * client.connect();
 * client.send({ hello: 'world' });
 */
export class NodeClient extends EventEmitter<NodeClientEvents> {
  private readonly options: ResolvedNodeClientOptions;
  private readonly label: string;
  private readonly buffer: SendBuffer;
  private state: State = { is: 'idle' };
  private greet: Greet = greetNobody;
  private delayLimit: () => number = () => Infinity;
  private hasWarnedOfFallback = false;
  private hasWarnedOfTimeout = false;

  /**
   * Connects to nothing yet: see {@link connect}.
   *
   * @param url `http://host:port`, `https://host:port` or `unix:/path/to/socket`
   * @throws N2NError `INVALID_OPTIONS`
   */
  constructor(url: string, options?: NodeClientOptions);
  /**
   * Connects to nothing yet: see {@link connect}.
   *
   * @param host a name or an address; `localhost` by default
   * @param port 6262 by default
   * @throws N2NError `INVALID_OPTIONS`
   */
  constructor(host?: string, port?: number, options?: NodeClientOptions);
  constructor(hostOrUrl?: string, portOrOptions?: number | NodeClientOptions, options?: NodeClientOptions) {
    super();
    const isPortLeftOut = typeof portOrOptions === 'object' && options === undefined;
    const [port, given] = isPortLeftOut ? [undefined, portOrOptions] : [portOrOptions, options];
    this.options = resolveNodeClientOptions({ hostOrUrl, port }, given ?? {});
    this.label = addressLabel(this.options.address);
    this.buffer = new SendBuffer(this.options.maxBuffered);
  }

  /** Whether there is a connection. */
  get connected(): boolean {
    return this.state.is === 'connected';
  }

  /** Whether an attempt to connect is under way, the first or a later one. */
  get connecting(): boolean {
    return this.state.is === 'connecting';
  }

  /** Whether the client is on its way back: waiting for a reconnection attempt, or making one. */
  get reconnecting(): boolean {
    return this.state.is === 'waiting' || (this.state.is === 'connecting' && this.state.attempt > 0);
  }

  /** The Socket.IO socket of the present connection. Each connection has a new one. */
  get socket(): Socket | undefined {
    return this.state.is === 'connected' ? this.state.connection.socket : undefined;
  }

  /** The name of the transport of the present connection. */
  get transportName(): string | undefined {
    return this.state.is === 'connected' ? this.state.connection.transportName : undefined;
  }

  /** Begins to connect; events tell the outcome. Does nothing when the client is not idle. */
  connect(): void {
    if (this.state.is === 'idle') this.attempt(0);
    else this.options.logger.debug(`connect() has nothing to do: ${this.label} is ${this.state.is}`);
  }

  /**
   * Begins to connect at once with nothing counted yet, in place of any attempt that is under way or waited for. Does
   * nothing when there is a connection.
   */
  manualConnect(): void {
    if (this.state.is === 'connected') {
      this.options.logger.debug(`manualConnect() has nothing to do: ${this.label} is connected`);
    } else {
      this.attempt(0);
    }
  }

  /**
   * Ends the connection, or every attempt at one, for good, and drops what `send` has buffered. What was sent on a
   * connection still leaves. `disconnect` is emitted if there was a connection.
   */
  disconnect(): void {
    const wasConnected = this.connected;
    this.enter({ is: 'idle' });
    const dropped = this.buffer.takeAll().length;
    if (dropped > 0)
      this.options.logger.warn(`disconnect() drops ${dropped} messages that were not sent yet`);
    if (!wasConnected) return;
    this.options.logger.log(`disconnected from ${this.label}`);
    this.emit('disconnect', 'io client disconnect');
  }

  /**
   * Sends a message to the server, where it is the event `message`. Without a connection it waits for the next one.
   * Delivery is at most once: what is on its way when a connection breaks may be lost.
   *
   * @throws N2NError `OVERLOADED` when `maxBuffered` messages wait already
   * @throws N2NError `NOT_SERIALIZABLE` when `data` cannot be encoded. Of data that waits, the event `error` tells so.
   */
  send(data: unknown): void {
    refuseUnsendable(data);
    if (this.state.is === 'connected' && this.state.connection.send(data)) return;
    this.buffer.push(data);
  }

  /** @internal For `N2NClient`, of whose connections HELLO is a part. Applies from the next attempt on. */
  greetWith(greet: Greet): void {
    this.greet = greet;
  }

  /**
   * @internal For `N2NClient`, whose session waits only so long.
   * @param limit asked before each reconnection attempt: see `backoffDelay`. One that it makes come early is not
   * counted.
   */
  limitDelays(limit: () => number): void {
    this.delayLimit = limit;
  }

  private attempt(attempt: number): void {
    const connection: Connection = new Connection(this.options, this.greet, {
      onConnected: (outcome) => this.onConnected(connection, attempt, outcome),
      onFailed: (error) => this.onFailed(error, attempt),
      onLost: (reason, fault) => this.onLost(reason, fault),
      onMessage: ([data, ...more]) => this.emit('message', data, ...more),
    });
    this.options.logger.debug(`connecting to ${this.label}${attempt > 0 ? `, attempt ${attempt}` : ''}`);
    this.enter({ is: 'connecting', attempt, connection });
    connection.open();
  }

  private onConnected(connection: Connection, attempt: number, outcome: ConnectionOutcome): void {
    const connected: State = { is: 'connected', connection };
    this.enter(connected);
    this.logConnected(connection, outcome);
    const unsendable = this.flush(connection);
    this.emit('connect');
    if (attempt > 0 && this.state === connected) this.emit('reconnect', attempt);
    for (const error of unsendable) {
      this.report({
        type: 'send',
        message: `A buffered message was dropped: ${messageOf(error)}`,
        cause: error,
      });
    }
  }

  private onFailed(error: N2NError, attempt: number): void {
    const next = this.backOff(attempt + 1);
    this.report({ type: 'connect', message: error.message, cause: error });
    this.announce(next);
  }

  private onLost(reason: string, fault: N2NError | undefined): void {
    const next = this.backOff(1);
    this.options.logger.log(`disconnected from ${this.label}: ${reason}`);
    this.emit('disconnect', reason);
    if (fault !== undefined) this.report({ type: 'disconnect', message: fault.message, cause: fault });
    this.announce(next);
  }

  /** Arms the next attempt, or gives up. The events follow it, so that their listeners find the state they tell of. */
  private backOff(attempt: number): BackedOff {
    const { reconnect, maxReconnectionAttempts, clock, random } = this.options;
    if (!reconnect || attempt > maxReconnectionAttempts) {
      const idle: State = { is: 'idle' };
      this.enter(idle);
      return { state: idle, hasGivenUp: reconnect };
    }
    const limit = this.delayLimit();
    const delay = backoffDelay(attempt, this.options, random, limit);
    // One that comes early is not counted: those after it come as often, and for as long, as they would have.
    const counted = comesEarly(attempt, this.options, limit) ? attempt - 1 : attempt;
    const waiting: State = {
      is: 'waiting',
      attempt: counted,
      timer: clock.setTimeout(() => this.attempt(counted), delay),
    };
    this.enter(waiting);
    return { state: waiting, delay, attempt: counted };
  }

  private announce(next: BackedOff): void {
    // A listener of an earlier event may have taken the client elsewhere.
    if (this.state !== next.state) return;
    if ('delay' in next) {
      this.options.logger.log(`reconnecting to ${this.label} in ${next.delay} ms, attempt ${next.attempt}`);
      this.emit('reconnecting', next.delay, next.attempt);
    } else if (next.hasGivenUp) {
      this.options.logger.error(
        `gave up on ${this.label} after ${this.options.maxReconnectionAttempts} attempts`,
      );
      this.emit('reconnect-failed');
      this.emit('reconnect_failed');
    }
  }

  /** Sends what waited. @returns the errors of messages that cannot be sent, and are dropped */
  private flush(connection: Connection): unknown[] {
    const errors: unknown[] = [];
    for (const message of this.buffer.takeAll()) {
      try {
        if (!connection.send(message)) this.buffer.push(message);
      } catch (error) {
        errors.push(error);
      }
    }
    return errors;
  }

  private report(error: NodeClientError): void {
    // An emitter throws the errors that nobody listens to; a server that is away must not end the process.
    if (this.listenerCount('error') > 0) this.emit('error', error);
    else this.options.logger.error(error.message);
  }

  private logConnected(
    { transportName }: Connection,
    { missed, silenceLimit, pingInterval }: ConnectionOutcome,
  ): void {
    const { logger, timeout } = this.options;
    logger.log(`connected to ${this.label} over ${transportName}`);
    if (missed.length > 0 && !this.hasWarnedOfFallback) {
      this.hasWarnedOfFallback = true;
      logger.warn(`fell back to ${transportName}: ${missed.join('; ')}`);
    }
    if (silenceLimit > timeout && !this.hasWarnedOfTimeout) {
      this.hasWarnedOfTimeout = true;
      logger.warn(
        `"timeout" is ${timeout} ms but the server pings only every ${pingInterval} ms: a server that hangs is ` +
          `noticed after ${silenceLimit} ms. Set the server's "pingInterval" below "timeout".`,
      );
    }
  }

  private enter(state: State): void {
    const left = this.state;
    this.state = state;
    switch (left.is) {
      case 'waiting':
        this.options.clock.clearTimeout(left.timer);
        break;
      case 'connecting':
      case 'connected':
        if (!('connection' in state) || state.connection !== left.connection) left.connection.close();
        break;
      case 'idle':
        break;
      default:
        left satisfies never;
    }
  }
}

/** Where `backOff` has led. */
type BackedOff =
  | { readonly state: State; readonly delay: number; readonly attempt: number }
  | { readonly state: State; readonly hasGivenUp: boolean };

/** Socket.IO would take a function for an acknowledgement callback, and JSON leaves symbols out in silence. */
function refuseUnsendable(data: unknown): void {
  if (typeof data !== 'function' && typeof data !== 'symbol') return;
  throw new N2NError('NOT_SERIALIZABLE', `A ${typeof data} cannot be sent; send plain data instead.`);
}
