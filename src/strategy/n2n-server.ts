import { Logger } from '@nestjs/common';
import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
import type { Observable } from 'rxjs';
import { traceOf } from '../n2n-error.js';
import { forSocketIo } from '../protocol/values/lift.js';
import { notSerializable, notSerializableIn } from '../protocol/values/not-serializable.js';
import { guardedCallback } from '../call/guarded-callback.js';
import { guardedLogger } from '../transport/logger.js';
import { emitPlain } from '../transport/socket-io/plain-event.js';
import type { SocketIoServer } from '../transport/socket-io/socket-io-server.js';
import { AcceptingHost } from './accept/accepting-host.js';
import { ClientHost } from './client-host.js';
import type { HandlerHost, HostStatus } from './handler-host.js';
import { EventDeduplicator } from './layers/event-deduplicator.js';
import type { ProcessingHooks } from './layers/run-hooks.js';
import { composeServing } from './layers/serving-layers.js';
import { resolveN2NServerOptions, type N2NServerOptions } from './n2n-server-options.js';
import type { PeerRegistry } from './peer-client.js';
import { hasJoined, joinPipeline } from './pipeline/nest-pipeline.js';

/** The id of this transport in Nest's decorators and instrumentation. */
export const N2N_TRANSPORT: unique symbol = Symbol.for('nestjs-n2n');

const NOT_JOINED =
  'nestjs-n2n does not support this version of @nestjs/microservices, or it is installed twice. Interceptors get a ' +
  'generator, an AsyncIterable or a Readable of a handler as one value, and exception filters do not get its errors. ' +
  'Run "npm ls @nestjs/microservices", or return Observables.';

/** The events of the Socket.IO server, for `on`. */
// oxlint-disable-next-line typescript/no-explicit-any -- the listener knows the arguments of its event
export type N2NServerEvents = Record<string, (...args: any[]) => void>;

/**
 * - `connected`: the server accepts calls
 * - `draining`: the server refuses new calls; calls under way continue
 * - `reconnecting`: with `client`, the connection is lost
 * - `disconnected`: the server does not listen; with `client`, the client has not connected yet, or is closed
 */
export type N2NServerStatus = HostStatus;

/** The recipients of a broadcast. */
export interface BroadcastTarget {
  /** One or more rooms. If left out, all clients. */
  room?: string | string[] | undefined;
}

/**
 * Hosts the `@MessagePattern` and `@EventPattern` handlers of a Nest application. It serves N2N clients and stock
 * Socket.IO clients, on its own port or on the application's HTTP port. With `client`, it serves the calls that come over
 * the client's connection.
 *
 * @example
 * app.connectMicroservice({ strategy: new N2NServer({ port: 6262 }) });
 */
export class N2NServer extends Server<N2NServerEvents> implements CustomTransportStrategy {
  /** The id of this transport. It can restrict a handler to it: `@MessagePattern('x', N2N_TRANSPORT)`. */
  override readonly transportId: symbol = N2N_TRANSPORT;

  /** Nest's default logger has the name of the base class. */
  protected override readonly logger = guardedLogger(new Logger(N2NServer.name));
  private readonly host: HandlerHost;
  private readonly deduplicator = new EventDeduplicator();
  private readonly hooks: ProcessingHooks = { start: undefined, end: undefined };
  /** Whether Nest has added handlers, which include its pipeline. */
  private hasNestHandlers = false;
  /** Set by `close`, until the server listens again. */
  private closing: Promise<void> | undefined;

  /** @throws N2NError `INVALID_OPTIONS` */
  constructor(options: N2NServerOptions = {}) {
    super();
    const resolved = resolveN2NServerOptions(options);
    const { client, packets } = resolved;
    const { transportId, hooks, report, logger } = this;
    const findHandler = (pattern: string): MessageHandler | undefined =>
      this.messageHandlers.get(pattern) ?? this.handlerOfUnsorted(pattern);
    const hasHandler = (pattern: string): boolean => findHandler(pattern) !== undefined;
    const takeCall = composeServing({
      transportId,
      packets,
      deduplicator: this.deduplicator,
      hooks,
      toRoute: (pattern) => this.normalizePattern(pattern),
      findHandler,
      report,
      onLost: (message) => logger.error(message),
    });
    this.host =
      client === undefined
        ? new AcceptingHost(resolved, takeCall, report, logger, hasHandler)
        : new ClientHost(client, resolved, takeCall, report, logger, hasHandler);
    joinPipeline(this, report);
  }

  /** The connected clients. Each can be called. */
  get peers(): PeerRegistry {
    return this.host.peers;
  }

  /** Emits the current status of the server, then each change. With `client`, it follows the client's connection. */
  override get status(): Observable<N2NServerStatus> {
    return super.status as Observable<N2NServerStatus>;
  }

  /**
   * Called by Nest. A closed server can listen again.
   * @param callback gets an N2NError `CONNECT_FAILED` when the server cannot listen on its port
   */
  listen(callback: (error?: unknown) => void): void {
    if (this.hasNestHandlers && !hasJoined(this)) this.logger.warn(NOT_JOINED);
    const listen = (): Promise<void> => this.host.listen((status) => this._status$.next(status));
    const listening = this.closing?.then(listen) ?? listen();
    this.closing = undefined;
    listening.then(
      () => callback(),
      (error: unknown) => {
        this._status$.next('disconnected');
        callback(error);
      },
    );
  }

  /**
   * Drains the server: it tells its clients to reconnect elsewhere or later, and waits at most `drainTimeout` for the
   * calls and events under way. Then it ends all connections, and closes its own port.
   */
  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  /** Called by Nest for each handler. `extras` are the extras of the decorator. */
  override addHandler(
    pattern: unknown,
    callback: MessageHandler,
    isEventHandler?: boolean,
    extras?: Record<string, unknown>,
  ): void {
    this.hasNestHandlers ||= extras !== undefined;
    super.addHandler(pattern, callback, isEventHandler, extras);
  }

  /** Listens to an event of the Socket.IO server; with `client`, of the `NodeClient`. */
  override on(event: string, callback: N2NServerEvents[string]): void {
    const onFailed = (error: unknown): void =>
      this.logger.error(`A listener of "${event}" failed: ${traceOf(error)}`);
    this.host.on(event, guardedCallback(callback, onFailed));
  }

  /**
   * Returns the Socket.IO server, for middlewares, rooms and adapters. It exists before `listen`. With `client`, returns
   * the `NodeClient`.
   */
  override unwrap<T = SocketIoServer>(): T {
    return this.host.unwrap() as T;
  }

  /**
   * Sends an event to all clients, or to the clients in a room. N2N clients handle it with `@EventPattern`; stock
   * Socket.IO clients get a plain event. It goes through Socket.IO's adapter, and reaches all servers of a cluster.
   * The data may contain JSON values and bytes, with any `codec`.
   *
   * @param pattern must not be `n2n` or a reserved event of Socket.IO, such as `disconnect`
   * @throws N2NError `INVALID_OPTIONS` on a server with `client`, or for a reserved event; `NOT_SERIALIZABLE`
   */
  broadcast(pattern: unknown, data: unknown, { room }: BroadcastTarget = {}): void {
    const route = typeof pattern === 'string' ? pattern : this.normalizePattern(pattern as string);
    const io = this.host.server();
    emitPlain(room === undefined ? io : io.to(room), route, this.encodePlain(route, data));
  }

  private encodePlain(route: string, data: unknown): unknown {
    try {
      return forSocketIo(data);
    } catch (error) {
      throw notSerializableIn(`The broadcast "${route}"`, notSerializable(data, error));
    }
  }

  override setOnProcessingStartHook(hook: Parameters<Server['setOnProcessingStartHook']>[0]): void {
    super.setOnProcessingStartHook(hook);
    this.hooks.start = hook;
  }

  override setOnProcessingEndHook(hook: Parameters<Server['setOnProcessingEndHook']>[0]): void {
    super.setOnProcessingEndHook(hook);
    this.hooks.end = hook;
  }

  private async end(): Promise<void> {
    this._status$.next('draining');
    await this.host.close();
    this._status$.next('disconnected');
  }

  /** Finds the handler of an object pattern whose keys are not sorted, as a stock client may send it. */
  private handlerOfUnsorted(pattern: string): MessageHandler | undefined {
    return pattern.startsWith('{') ? (this.getHandlerByPattern(pattern) ?? undefined) : undefined;
  }

  private readonly report = (error: unknown): void => {
    this.logger.error(traceOf(error));
  };
}
