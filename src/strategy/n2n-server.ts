import { Logger } from '@nestjs/common';
import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
import type { Observable } from 'rxjs';
import { isolatedContext } from '../async-context.js';
import { N2NError, traceOf } from '../n2n-error.js';
import type { CallContent, IncomingCall } from '../rpc/incoming/incoming-call.js';
import { forSocketIo } from '../protocol/values/lift.js';
import { notSerializable, notSerializableIn } from '../protocol/values/not-serializable.js';
import { guardedCallback } from '../call/guarded-callback.js';
import { runHook } from '../call/hook.js';
import { plainPackets, type PacketFormat } from '../call/nest-packets/packet-format.js';
import { guardedLogger } from '../transport/logger.js';
import { emitPlain } from '../transport/socket-io/plain-event.js';
import type { SocketIoServer } from '../transport/socket-io/socket-io-server.js';
import { AcceptingHost } from './accept/accepting-host.js';
import { ClientHost } from './client-host.js';
import { EventDeduplicator } from './event-deduplicator.js';
import type { HandlerHost } from './handler-host.js';
import { runHandler, runHooked } from './handlers/handler-run.js';
import { HookedResponder } from './handlers/hooked-responder.js';
import { N2NContext, type CallConnection } from './n2n-context.js';
import { resolveN2NServerOptions, type N2NServerOptions } from './n2n-server-options.js';
import {
  carriesPackets,
  readRequest,
  REQUEST_DESERIALIZER,
  type PacketRequest,
} from './handlers/packet-requests.js';
import { PacketResponder } from './handlers/packet-responder.js';
import type { PeerRegistry } from './peer-client.js';
import type { Responder } from './handlers/responder.js';

/** The id of this transport in Nest's decorators and instrumentation. */
export const N2N_TRANSPORT: unique symbol = Symbol.for('nestjs-n2n');

/** For clients that have a serializer, where this side has none. */
const PLAIN_PACKETS: PacketFormat = plainPackets(REQUEST_DESERIALIZER);

/** The events of the Socket.IO server, for `on`. */
// oxlint-disable-next-line typescript/no-explicit-any -- what an event carries is for whoever listens to say
export type N2NServerEvents = Record<string, (...args: any[]) => void>;

/**
 * - `connected`: calls are taken
 * - `draining`: no new ones; those under way go on
 * - `disconnected`
 */
export type N2NServerStatus = 'connected' | 'draining' | 'disconnected';

/** Whom a broadcast is for. */
export interface BroadcastTarget {
  /** A room, or several; everybody where it is left out. */
  room?: string | string[] | undefined;
}

/** The hooks of instrumentation; `undefined` where nobody has set one. */
interface ProcessingHooks {
  start: ((transportId: symbol, context: unknown, done: () => Promise<unknown>) => void) | undefined;
  end: ((transportId: symbol, context: unknown) => void) | undefined;
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

  protected override readonly logger = guardedLogger(new Logger(Server.name));
  private readonly host: HandlerHost;
  private readonly packets: PacketFormat | undefined;
  private readonly deduplicator = new EventDeduplicator();
  private readonly hooks: ProcessingHooks = { start: undefined, end: undefined };
  /** Since `close` was called, until the server listens again. */
  private closing: Promise<void> | undefined;

  /** @throws N2NError `INVALID_OPTIONS` */
  constructor(options: N2NServerOptions = {}) {
    super();
    const resolved = resolveN2NServerOptions(options);
    const { client, packets } = resolved;
    this.packets = packets;
    this.host =
      client === undefined
        ? new AcceptingHost(resolved, this.takeCall, this.report, this.logger)
        : new ClientHost(client, resolved, this.takeCall, this.report, this.logger);
  }

  /** The connected clients, as something to call. */
  get peers(): PeerRegistry {
    return this.host.peers;
  }

  /** Whether the server takes calls, from the latest on. */
  override get status(): Observable<N2NServerStatus> {
    return super.status as Observable<N2NServerStatus>;
  }

  /**
   * Called by Nest. A server that was closed may listen again.
   * @param callback gets an N2NError `CONNECT_FAILED` when the port cannot be listened on
   */
  listen(callback: (error?: unknown) => void): void {
    const listening = this.closing?.then(() => this.host.listen()) ?? this.host.listen();
    this.closing = undefined;
    listening.then(
      () => {
        this._status$.next('connected');
        callback();
      },
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

  private readonly takeCall = (call: IncomingCall, connection: CallConnection): void => {
    isolatedContext().runInAsyncScope(this.dispatch, undefined, call, connection);
  };

  private readonly dispatch = (call: IncomingCall, connection: CallConnection): void => {
    const { content } = call;
    if (this.packets === undefined && !carriesPackets(content)) this.handle(call, content, connection, call);
    else this.takePacket(call, connection);
  };

  /** A call for a serializer or a deserializer, of this side or the other. */
  private takePacket(call: IncomingCall, connection: CallConnection): void {
    const format = this.packets ?? PLAIN_PACKETS;
    const take = ({ content, id }: PacketRequest): void => {
      const takesPackets = carriesPackets(call.content);
      const responder = content.kind === 'call' ? new PacketResponder(call, format, id, takesPackets) : call;
      // It may have been cancelled while its packet was read.
      if (call.isStopped) call.complete();
      else this.handle(call, content, connection, responder);
    };
    const refuse = (reason: unknown): void => {
      const error = N2NError.from(reason, 'PROTOCOL_ERROR', 'The pattern of the packet cannot be read');
      if (call.content.kind === 'event') this.report(error);
      call.fail(error);
    };
    let request: PacketRequest | Promise<PacketRequest>;
    try {
      request = readRequest(call, format, (pattern) => this.normalizePattern(pattern));
    } catch (error) {
      refuse(error);
      return;
    }
    if (request instanceof Promise) request.then(take, refuse);
    else take(request);
  }

  /** @param answers where what the handler gives goes, unless the call is an acknowledged event */
  private handle(
    call: IncomingCall,
    content: CallContent,
    connection: CallConnection,
    answers: Responder,
  ): void {
    const { pattern, data, key } = content;
    const handler = this.messageHandlers.get(pattern) ?? this.handlerSpelledOtherwise(pattern);
    if (handler === undefined) {
      this.onNoHandler(call, pattern);
      return;
    }
    const context = new N2NContext(call, connection, content);
    if (key === undefined) this.serve(handler, data, context, answers);
    else this.deduplicator.take(key, call, (responder) => this.serve(handler, data, context, responder));
  }

  private serve(handler: MessageHandler, data: unknown, context: N2NContext, responder: Responder): void {
    const { start, end } = this.hooks;
    const { report, transportId } = this;
    const onEnd = end && ((): void => runHook(() => end(transportId, context), report));
    const handle = (to: Responder): void => runHandler(handler, data, context, to, report);
    if (start === undefined) {
      handle(onEnd === undefined ? responder : new HookedResponder(responder, onEnd, report));
      return;
    }
    // Made within the start hook, whose context the end hook runs in.
    const begin = (): void =>
      handle(onEnd === undefined ? responder : new HookedResponder(responder, onEnd, report));
    runHooked((run) => start(transportId, context, run), begin, responder, report);
  }

  /** Object patterns of callers that do not sort their keys, as a stock client may send them. */
  private handlerSpelledOtherwise(pattern: string): MessageHandler | undefined {
    return pattern.startsWith('{') ? (this.getHandlerByPattern(pattern) ?? undefined) : undefined;
  }

  private onNoHandler(call: IncomingCall, pattern: string): void {
    const kind = call.content.kind === 'call' ? 'message' : 'event';
    const error = new N2NError(
      'NO_HANDLER',
      `There is no matching ${kind} handler defined in the remote service for "${shown(pattern)}". ` +
        `Check the spelling, or that the handler's controller is in a module of that service.`,
      { details: { pattern: shown(pattern) } },
    );
    if (call.content.kind === 'event') this.logger.error(error.message);
    call.fail(error);
  }

  private readonly report = (error: unknown): void => {
    this.logger.error(traceOf(error));
  };
}

/** A pattern is whatever a caller sends, up to 64 KiB of it; a message and a log line want less. */
function shown(pattern: string): string {
  return pattern.length > 200 ? `${pattern.slice(0, 200)}…` : pattern;
}
