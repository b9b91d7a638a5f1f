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
 * A client that keeps its connection to a Socket.IO server alive. It detects a server that hangs, and reconnects.
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
   * Does not connect yet: see {@link connect}.
   *
   * @param url `http://host:port`, `https://host:port` or `unix:/path/to/socket`
   * @throws N2NError `INVALID_OPTIONS`
   */
  constructor(url: string, options?: NodeClientOptions);
  /**
   * Does not connect yet: see {@link connect}.
   *
   * @param host a host name or an IP address; `localhost` by default
   * @param port 6262 by default
   * @throws N2NError `INVALID_OPTIONS`
   */
  constructor(host?: string, port?: number, options?: NodeClientOptions);
  /** @internal A client over the reconnect loop of an `N2NClient`. */
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

  /** Whether a reconnection attempt is scheduled or under way. */
  get reconnecting(): boolean {
    return this.loop.isReconnecting;
  }

  /** The Socket.IO socket of the current connection. Each connection has a new one. */
  get socket(): Socket | undefined {
    return this.loop.connection?.socket;
  }

  /** The name of the transport of the current connection. */
  get transportName(): string | undefined {
    return this.loop.connection?.transportName;
  }

  /** @internal A listener that throws ends neither the connection nor the process. */
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

  /** Starts to connect. Events report the result. Does nothing if the client is not idle. */
  connect(): void {
    this.loop.start();
  }

  /**
   * Starts a new attempt immediately, and resets the number of attempts and the delay. It replaces an attempt that is under
   * way or scheduled. Does nothing if there is a connection.
   */
  manualConnect(): void {
    this.loop.restart();
  }

  /**
   * Closes the connection, or stops all attempts to connect, and drops the buffered messages. Messages that were sent before
   * still reach the server. Emits `disconnect` if there was a connection.
   */
  disconnect(): void {
    this.loop.stop();
  }

  /**
   * Sends a message to the server, which emits the event `message`. Without a connection, the message is buffered for the
   * next one. Delivery is at most once: a message that has not arrived when the connection is lost is lost, too.
   *
   * @throws N2NError `OVERLOADED` if `maxBuffered` messages are buffered
   * @throws N2NError `NOT_SERIALIZABLE` if `data` is not serializable. For buffered messages, the client emits `error`.
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

  /** Sends the buffered messages. @returns the errors of messages that were dropped because they are not serializable */
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
    // An emitter throws errors without a listener. An unreachable server must not end the process.
    if (this.listenerCount('error') > 0) this.emit('error', error);
    else if (error.type === 'send') this.loop.options.logger.error(error.message);
    // The loss of a connection is already logged.
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

/** Socket.IO would treat a function as an acknowledgement callback, and JSON drops symbols silently. */
function refuseNoData(data: unknown): void {
  if (typeof data !== 'function' && typeof data !== 'symbol') return;
  throw new N2NError('NOT_SERIALIZABLE', `A ${typeof data} cannot be sent; send plain data instead.`);
}
