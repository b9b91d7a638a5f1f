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
import type { ProcessingHooks } from './layers/run-hooks.js';
import { composeServing } from './layers/serving-layers.js';
import { resolveN2NServerOptions, type N2NServerOptions } from './n2n-server-options.js';
import type { PeerRegistry } from './peer-client.js';
import { hasJoined, joinPipeline } from './pipeline/nest-pipeline.js';

/** The id of this transport in Nest's decorators and instrumentation. */
export const N2N_TRANSPORT: unique symbol = Symbol.for('nestjs-n2n');

const NOT_JOINED =
  'Interceptors see a generator, an AsyncIterable or a Readable that a handler returns as one value, and exception filters ' +
  'do not see its errors: this version of @nestjs/microservices is not one that nestjs-n2n knows, or it is installed twice. ' +
  'Run "npm ls @nestjs/microservices", or return Observables.';

/** The events of the Socket.IO server, for `on`. */
// oxlint-disable-next-line typescript/no-explicit-any -- what an event carries is for whoever listens to say
export type N2NServerEvents = Record<string, (...args: any[]) => void>;

/**
 * - `connected`: calls are taken
 * - `draining`: no new ones; those under way go on
 * - `reconnecting`: with `client`, its connection is lost
 * - `disconnected`: it does not listen; with `client`, there was no connection yet, or the client was closed
 */
export type N2NServerStatus = HostStatus;

/** Whom a broadcast is for. */
export interface BroadcastTarget {
  /** A room, or several; everybody where it is left out. */
  room?: string | string[] | undefined;
}

/**
 * Hosts a Nest application's `@MessagePattern` and `@EventPattern` handlers for N2N clients and for stock Socket.IO
 * clients, on a port of its own or on the application's HTTP port; or, with `client`, for a server that was dialed.
 *
 * @example
 * app.connectMicroservice({ strategy: new N2NServer({ port: 6262 }) });
 */
export class N2NServer extends Server<N2NServerEvents> implements CustomTransportStrategy {
  /** Names this transport, so that a handler can be for it alone: `@MessagePattern('x', N2N_TRANSPORT)`. */
  override readonly transportId: symbol = N2N_TRANSPORT;

  /** Nest's own bears the name of its base class. */
  protected override readonly logger = guardedLogger(new Logger(N2NServer.name));
  private readonly host: HandlerHost;
  private readonly hooks: ProcessingHooks = { start: undefined, end: undefined };
  /** Whether Nest has added handlers, which have its pipeline around them. */
  private hasNestHandlers = false;
  /** Since `close` was called, until the server listens again. */
  private closing: Promise<void> | undefined;

  /** @throws N2NError `INVALID_OPTIONS` */
  constructor(options: N2NServerOptions = {}) {
    super();
    const resolved = resolveN2NServerOptions(options);
    const { client, packets } = resolved;
    const { transportId, hooks, report, logger } = this;
    const findHandler = (pattern: string): MessageHandler | undefined =>
      this.messageHandlers.get(pattern) ?? this.handlerSpelledOtherwise(pattern);
    const hasHandler = (pattern: string): boolean => findHandler(pattern) !== undefined;
    const takeCall = composeServing({
      transportId,
      packets,
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

  /** The connected clients, as something to call. */
  get peers(): PeerRegistry {
    return this.host.peers;
  }

  /** Whether the server takes calls, from the latest on; with `client`, as its connection comes and goes. */
  override get status(): Observable<N2NServerStatus> {
    return super.status as Observable<N2NServerStatus>;
  }

  /**
   * Called by Nest. A server that was closed may listen again.
   * @param callback gets an N2NError `CONNECT_FAILED` when the port cannot be listened on
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
   * Sends clients away, lets calls and events under way end, within `drainTimeout`, then ends all connections and the
   * server's own port.
   */
  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  /** Called by Nest for each handler; `extras` are those of its decorator. */
  override addHandler(
    pattern: unknown,
    callback: MessageHandler,
    isEventHandler?: boolean,
    extras?: Record<string, unknown>,
  ): void {
    this.hasNestHandlers ||= extras !== undefined;
    super.addHandler(pattern, callback, isEventHandler, extras);
  }

  /** Listens to an event of what is under the server: see `unwrap`. */
  override on(event: string, callback: N2NServerEvents[string]): void {
    const onFailed = (error: unknown): void =>
      this.logger.error(`A listener of "${event}" failed: ${traceOf(error)}`);
    this.host.on(event, guardedCallback(callback, onFailed));
  }

  /**
   * The Socket.IO server, for middlewares, rooms and adapters; it is there from the beginning. With `client`, the
   * NodeClient.
   */
  override unwrap<T = SocketIoServer>(): T {
    return this.host.unwrap() as T;
  }

  /**
   * Sends an event to all clients, or to those in a room: to `@EventPattern` handlers that N2N clients host, and as an
   * event to stock Socket.IO clients. It goes through Socket.IO's adapter, and so to every server of a cluster; and so,
   * whatever the `codec`, it carries what JSON can express, and bytes.
   *
   * @param pattern none of Socket.IO's reserved events, such as `disconnect`, nor `n2n`
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

  /** Object patterns of callers that do not sort their keys, as a stock client may send them. */
  private handlerSpelledOtherwise(pattern: string): MessageHandler | undefined {
    return pattern.startsWith('{') ? (this.getHandlerByPattern(pattern) ?? undefined) : undefined;
  }

  private readonly report = (error: unknown): void => {
    this.logger.error(traceOf(error));
  };
}
