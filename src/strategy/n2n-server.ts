import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
import type { Observable } from 'rxjs';
import { atEndOfTurn } from '../clock.js';
import { N2NError, messageOf } from '../n2n-error.js';
import type { IncomingCall } from '../peer/incoming-call.js';
import { Peer } from '../peer/peer.js';
import type { Link } from '../session/link.js';
import { createHttpListener } from '../transport/http-listener.js';
import { n2nParser } from '../transport/n2n-parser.js';
import {
  createSocketIoServer,
  type SocketIoServer,
  type SocketIoSocket,
} from '../transport/socket-io-server.js';
import { acceptLink } from '../transport/socket-link.js';
import { runHandler, type Responder } from './handler-run.js';
import { N2NContext } from './n2n-context.js';
import {
  resolveN2NServerOptions,
  type N2NServerOptions,
  type ResolvedN2NServerOptions,
} from './n2n-server-options.js';
import { StockPeer } from './stock-peer.js';

/** The id of this transport in Nest's decorators and instrumentation. */
export const N2N_TRANSPORT: unique symbol = Symbol.for('nestjs-n2n');

/** The events of the Socket.IO server, for `on`. */
// oxlint-disable-next-line typescript/no-explicit-any -- what an event carries is for whoever listens to say
export type N2NServerEvents = Record<string, (...args: any[]) => void>;

export type N2NServerStatus = 'connected' | 'disconnected';

/** The hooks of instrumentation; `undefined` where nobody has set one. */
interface ProcessingHooks {
  start: ((transportId: symbol, context: unknown, done: () => Promise<unknown>) => void) | undefined;
  end: ((transportId: symbol, context: unknown) => void) | undefined;
}

/**
 * Hosts a Nest application's `@MessagePattern` and `@EventPattern` handlers for N2N clients and for stock Socket.IO
 * clients, on a port of its own or on the application's HTTP port.
 *
 * @example
 * app.connectMicroservice({ strategy: new N2NServer({ port: 6262 }) });
 */
export class N2NServer extends Server<N2NServerEvents> implements CustomTransportStrategy {
  /** Names this transport, so that a handler can be for it alone: `@MessagePattern('x', N2N_TRANSPORT)`. */
  override readonly transportId: symbol = N2N_TRANSPORT;

  private readonly options: ResolvedN2NServerOptions;
  private readonly io: SocketIoServer;
  private readonly attach: ReturnType<typeof createSocketIoServer>['attach'];
  private readonly peers = new Set<Peer>();
  private readonly hooks: ProcessingHooks = { start: undefined, end: undefined };
  private stop: (() => Promise<void>) | undefined;

  /** @throws N2NError `INVALID_OPTIONS` */
  constructor(options: N2NServerOptions = {}) {
    super();
    this.options = resolveN2NServerOptions(options);
    const { io, attach } = createSocketIoServer({ ...this.options.socketIo, parser: n2nParser });
    this.io = io;
    this.attach = attach;
    io.on('connection', (socket) => this.onConnection(socket));
  }

  /**
   * Called by Nest.
   * @param callback gets an N2NError `CONNECT_FAILED` when the port cannot be listened on
   */
  listen(callback: (error?: unknown) => void): void {
    const detachOnClose = (): void => this.disconnectAll(detach);
    const listener = createHttpListener(this.options.target, detachOnClose);
    const detach = this.attach(listener.server);
    if (this.options.target.kind !== 'shared') this.io.httpServer = listener.server;
    this.stop = async () => {
      this.disconnectAll(detach);
      await listener.close();
    };
    listener.listen().then(
      () => {
        this._status$.next('connected');
        callback();
      },
      (error: unknown) => {
        detach();
        this._status$.next('disconnected');
        callback(error);
      },
    );
  }

  /** Whether the server listens, from the latest on. */
  override get status(): Observable<N2NServerStatus> {
    return super.status as Observable<N2NServerStatus>;
  }

  /** Ends all connections, and the server's own port. */
  async close(): Promise<void> {
    const { stop } = this;
    this.stop = undefined;
    await stop?.();
    this._status$.next('disconnected');
  }

  /** Listens to an event of the Socket.IO server, such as `connection`. */
  override on(event: string, callback: N2NServerEvents[string]): void {
    this.io.on(event, callback);
  }

  /** The Socket.IO server: for middlewares, rooms, broadcasts, adapters. It is there from the beginning. */
  override unwrap<T = SocketIoServer>(): T {
    return this.io as T;
  }

  override setOnProcessingStartHook(hook: Parameters<Server['setOnProcessingStartHook']>[0]): void {
    super.setOnProcessingStartHook(hook);
    this.hooks.start = hook;
  }

  override setOnProcessingEndHook(hook: Parameters<Server['setOnProcessingEndHook']>[0]): void {
    super.setOnProcessingEndHook(hook);
    this.hooks.end = hook;
  }

  private onConnection(socket: SocketIoSocket): void {
    const onCall = (call: IncomingCall): void => this.onCall(call, socket);
    const stock = new StockPeer(socket, this.options.maxInFlight, onCall);
    acceptLink(socket, (link) => {
      stock.release();
      this.accept(link, onCall);
    });
  }

  private accept(link: Link, onCall: (call: IncomingCall) => void): void {
    const { maxPayload, maxInFlight, handshakeTimeout, clock } = this.options;
    let peer: Peer | undefined = undefined;
    peer = new Peer(
      link,
      {
        onOpen: () => {},
        onCall,
        onClosed: (error) => {
          if (peer !== undefined) this.peers.delete(peer);
          if (error.code === 'PROTOCOL_ERROR' || error.code === 'OVERLOADED') this.logger.warn(error.message);
        },
      },
      {
        role: 'acceptor',
        maxPayload,
        maxInFlight,
        helloTimeout: handshakeTimeout,
        maxPending: maxPayload + 16 * 1024 * 1024,
        clock,
        defer: atEndOfTurn,
      },
    );
    this.peers.add(peer);
  }

  private onCall(call: IncomingCall, socket: SocketIoSocket): void {
    const handler = this.messageHandlers.get(call.pattern) ?? this.handlerSpelledOtherwise(call.pattern);
    if (handler === undefined) {
      this.onNoHandler(call);
      return;
    }
    const context = new N2NContext(call.pattern, call.metadata, socket);
    const { start, end } = this.hooks;
    if (start === undefined && end === undefined) {
      this.run(handler, call, context, call);
      return;
    }
    const responder =
      end === undefined ? call : new HookedResponder(call, () => end(this.transportId, context));
    if (start === undefined) this.run(handler, call, context, responder);
    else start(this.transportId, context, async () => this.run(handler, call, context, responder));
  }

  private run(handler: MessageHandler, call: IncomingCall, context: N2NContext, responder: Responder): void {
    runHandler(() => handler(call.data, context), responder, this.report);
  }

  /** Object patterns of callers that do not sort their keys, as a stock client may send them. */
  private handlerSpelledOtherwise(pattern: string): MessageHandler | undefined {
    return pattern.startsWith('{') ? (this.getHandlerByPattern(pattern) ?? undefined) : undefined;
  }

  private onNoHandler(call: IncomingCall): void {
    const kind = call.expectsReply ? 'message' : 'event';
    const error = new N2NError(
      'NO_HANDLER',
      `There is no matching ${kind} handler defined in the remote service for "${call.pattern}". ` +
        `Check the spelling, or that the handler's controller is in a module of that service.`,
      { details: { pattern: call.pattern } },
    );
    if (!call.expectsReply) this.logger.error(error.message);
    call.fail(error);
  }

  private readonly report = (error: unknown): void => {
    this.logger.error(error instanceof Error ? (error.stack ?? messageOf(error)) : messageOf(error));
  };

  private disconnectAll(detach: () => void): void {
    for (const peer of this.peers) peer.close(new N2NError('CONNECTION_LOST', 'The server was closed.'));
    detach();
  }
}

/** Runs the end hook once, before the outcome is passed on or when the call is cancelled. */
class HookedResponder implements Responder {
  private hook: (() => void) | undefined;

  constructor(
    private readonly responder: Responder,
    onEnd: () => void,
  ) {
    this.hook = onEnd;
  }

  next(value: unknown): void {
    this.responder.next(value);
  }

  reply(value: unknown): void {
    this.end();
    this.responder.reply(value);
  }

  complete(): void {
    this.end();
    this.responder.complete();
  }

  fail(error: unknown): void {
    this.end();
    this.responder.fail(error);
  }

  whenCancelled(stop: () => void): void {
    this.responder.whenCancelled(stop);
  }

  private end(): void {
    const { hook } = this;
    this.hook = undefined;
    hook?.();
  }
}
