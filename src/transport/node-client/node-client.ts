import { EventEmitter } from 'node:events';
import type { Socket } from 'socket.io-client';
import { messageOf, N2NError, traceOf } from '../../n2n-error.js';
import { noHandshake } from '../connection/attempt.js';
import type { Connection } from '../connection/connection.js';
import { ReconnectLoop } from '../connection/reconnect-loop.js';
import { refuseUnsendable } from '../socket-io/sendable.js';
import type { NodeClientError, NodeClientEvents } from './node-client-events.js';
import { resolveNodeClientOptions, type NodeClientOptions } from './node-client-options.js';
import { SendBuffer } from './send-buffer.js';

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
  private readonly loop: ReconnectLoop;
  private readonly buffer: SendBuffer;

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
  /** @internal The client of a connection that `N2NClient` keeps. */
  constructor(loop: ReconnectLoop);
  constructor(
    target?: string | ReconnectLoop,
    portOrOptions?: number | NodeClientOptions,
    options?: NodeClientOptions,
  ) {
    super({ captureRejections: true });
    this.loop = target instanceof ReconnectLoop ? target : loopTo(target, portOrOptions, options);
    this.buffer = new SendBuffer(this.loop.options.maxBuffered);
    this.loop.addListener({
      onConnected: (connection, attempt) => this.onConnected(connection, attempt),
      onFailed: (cause) => this.report({ type: 'connect', message: cause.message, cause }),
      onLost: (reason, fault) => this.onLost(reason, fault),
      onWaiting: (delay, attempt) => void this.emit('reconnecting', delay, attempt),
      onGivenUp: () => {
        this.emit('reconnect-failed');
        this.emit('reconnect_failed');
      },
      onMessage: ([data, ...more]) => void this.emit('message', data, ...more),
      onStopped: (wasConnected) => this.onStopped(wasConnected),
    });
  }

  /** Whether there is a connection. */
  get connected(): boolean {
    return this.loop.connection !== undefined;
  }

  /** Whether an attempt to connect is under way, the first or a later one. */
  get connecting(): boolean {
    return this.loop.isConnecting;
  }

  /** Whether the client is on its way back: waiting for a reconnection attempt, or making one. */
  get reconnecting(): boolean {
    return this.loop.isReconnecting;
  }

  /** The Socket.IO socket of the present connection. Each connection has a new one. */
  get socket(): Socket | undefined {
    return this.loop.connection?.socket;
  }

  /** The name of the transport of the present connection. */
  get transportName(): string | undefined {
    return this.loop.connection?.transportName;
  }

  /** @internal Listeners are code of a user: one that throws ends neither the connection nor the process. */
  override emit<Name extends keyof NodeClientEvents>(event: Name, ...args: NodeClientEvents[Name]): boolean;
  override emit(event: string, ...args: unknown[]): boolean {
    try {
      return super.emit(event as 'connect', ...(args as []));
    } catch (error) {
      this.onListenerFailed(error, event);
      return true;
    }
  }

  /** @internal Node calls it with the rejection of an async listener. */
  [Symbol.for('nodejs.rejection')](error: unknown, event: string): void {
    this.onListenerFailed(error, event);
  }

  /** Begins to connect; events tell the outcome. Does nothing when the client is not idle. */
  connect(): void {
    this.loop.start();
  }

  /**
   * Begins to connect at once with nothing counted yet, in place of any attempt that is under way or waited for. Does
   * nothing when there is a connection.
   */
  manualConnect(): void {
    this.loop.restart();
  }

  /**
   * Ends the connection, or every attempt at one, for good, and drops what `send` has buffered. What was sent on a
   * connection still leaves. `disconnect` is emitted if there was a connection.
   */
  disconnect(): void {
    this.loop.stop();
  }

  /**
   * Sends a message to the server, where it is the event `message`. Without a connection it waits for the next one.
   * Delivery is at most once: what is on its way when a connection breaks may be lost.
   *
   * @throws N2NError `OVERLOADED` when `maxBuffered` messages wait already
   * @throws N2NError `NOT_SERIALIZABLE` when `data` cannot be encoded. Of data that waits, the event `error` tells so.
   */
  send(data: unknown): void {
    refuseNoData(data);
    refuseUnsendable(data);
    if (this.loop.connection?.send(data) === true) return;
    this.buffer.push(data);
  }

  private onConnected(connection: Connection, attempt: number): void {
    const failures = this.flush(connection);
    this.emit('connect');
    if (attempt > 0 && this.loop.connection === connection) this.emit('reconnect', attempt);
    for (const cause of failures) {
      this.report({ type: 'send', message: `A buffered message was dropped: ${messageOf(cause)}`, cause });
    }
  }

  private onLost(reason: string, cause: N2NError | undefined): void {
    this.emit('disconnect', reason);
    if (cause !== undefined) this.report({ type: 'disconnect', message: cause.message, cause });
  }

  private onStopped(wasConnected: boolean): void {
    const { logger } = this.loop.options;
    const dropped = this.buffer.takeAll().length;
    if (dropped > 0) logger.warn(`disconnect() drops ${dropped} messages that were not sent yet`);
    if (!wasConnected) return;
    this.loop.log.onLeft();
    this.emit('disconnect', 'io client disconnect');
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

  private onListenerFailed(error: unknown, event: string): void {
    this.loop.options.logger.error(`A listener of "${event}" failed: ${traceOf(error)}`);
  }

  private report(error: NodeClientError): void {
    // An emitter throws the errors that nobody listens to; a server that is away must not end the process.
    if (this.listenerCount('error') > 0) this.emit('error', error);
    else if (error.type === 'send') this.loop.options.logger.error(error.message);
    // The log has the line of a lost connection already.
    else if (error.type === 'connect') this.loop.log.onFailed(error.message);
  }
}

function loopTo(
  hostOrUrl: string | undefined,
  portOrOptions: number | NodeClientOptions | undefined,
  options: NodeClientOptions | undefined,
): ReconnectLoop {
  const isPortLeftOut = typeof portOrOptions === 'object' && options === undefined;
  const [port, given] = isPortLeftOut ? [undefined, portOrOptions] : [portOrOptions, options];
  return new ReconnectLoop<unknown>(resolveNodeClientOptions({ hostOrUrl, port }, given ?? {}), {
    handshake: noHandshake,
  });
}

/** Socket.IO would take a function for an acknowledgement callback, and JSON leaves symbols out in silence. */
function refuseNoData(data: unknown): void {
  if (typeof data !== 'function' && typeof data !== 'symbol') return;
  throw new N2NError('NOT_SERIALIZABLE', `A ${typeof data} cannot be sent; send plain data instead.`);
}
