import { BaseRpcContext } from '@nestjs/microservices';
import { N2NError } from '../n2n-error.js';
import type { CallContent, IncomingCall } from '../rpc/incoming/incoming-call.js';
import type { CallProxy } from '../call/call-proxy.js';
import type { CallScope } from '../call/record.js';
import type { SocketIoSocket } from '../transport/socket-io/socket-io-server.js';
import { guardListeners } from './guarded-signal.js';
import type { ReportError } from './handlers/handler-error.js';
import { identityOf } from './peer-client.js';
import type { Rooms } from './rooms.js';

/** What a context knows beyond its call: the connection that the call came on. */
export interface CallConnection {
  /** Calls the other side of the connection, and knows its socket. */
  readonly peer: CallProxy;
  /** Rooms are the server's; a connection that was dialed here has none. */
  readonly rooms: Rooms | undefined;
  /** Milliseconds, on the clock that deadlines are measured with. */
  readonly now: () => number;
  readonly report: ReportError;
}

/** Headers and metadata, as they stand in front of the payload. */
interface Envelope {
  readonly headers?: unknown;
  readonly metadata?: unknown;
}

const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

/** What a handler can learn about the call that it serves, beside its payload: `@Ctx() context: N2NContext`. */
export class N2NContext extends BaseRpcContext<[IncomingCall, CallConnection]> implements CallScope {
  private controller: AbortController | undefined = undefined;

  /** @param content what came with the call, where that had to be read out of it first */
  constructor(
    call: IncomingCall,
    connection: CallConnection,
    private readonly content: CallContent = call.content,
  ) {
    super([call, connection]);
  }

  /** The pattern of the call, as the caller's side has spelled it: object patterns are JSON with sorted keys. */
  getPattern(): string {
    return this.content.pattern;
  }

  /** The headers that the caller gave with `N2NRecordBuilder.setHeaders`. */
  getHeaders(): Readonly<Record<string, string>> {
    const { headers } = this.envelope;
    return typeof headers === 'object' && headers !== null ? (headers as Record<string, string>) : NO_HEADERS;
  }

  /** What the caller's dispatch hook (Nest 12) attached to the call; undefined where it attached nothing. */
  getMetadata(): unknown {
    return this.envelope.metadata;
  }

  /**
   * Aborted when the caller wants no answer any more: it has unsubscribed, timed out, or is gone. Never for an
   * acknowledged event, whose handlers go on: a sender that is gone is going to ask again, and gets their outcome.
   */
  getSignal(): AbortSignal {
    if (this.controller === undefined) {
      const controller = new AbortController();
      this.controller = controller;
      guardListeners(controller.signal, this.args[1].report);
      if (this.content.key === undefined) this.args[0].whenCancelled((reason) => controller.abort(reason));
    }
    return this.controller.signal;
  }

  /**
   * When the caller stops waiting, in milliseconds since the epoch; undefined where it waits for ever. Each value that
   * the handler sends puts it off, and each that comes of a payload that is a stream.
   */
  getDeadline(): number | undefined {
    const { expiresAt } = this.args[0];
    return expiresAt === Infinity ? undefined : Date.now() + expiresAt - this.args[1].now();
  }

  /** Who calls: what a middleware of yours has set as `socket.data.identity`, taken to be a `T` without a check. */
  getIdentity<T = unknown>(): T {
    return identityOf(this.getSocket()) as T;
  }

  /**
   * The Socket.IO socket of the caller: its `handshake`, `data` and rooms. Where the caller had to reconnect meanwhile,
   * it is the new one. Where this side has dialed, it is the client's socket.
   */
  getSocket<T = SocketIoSocket>(): T {
    return this.args[1].peer.unwrap<T>();
  }

  /** Calls the caller: its handlers answer over the same connection. */
  getPeer(): CallProxy {
    return this.args[1].peer;
  }

  /** Puts the caller into a room, for `N2NServer.broadcast`: for as long as its session lives, also while it is away. */
  join(room: string): Promise<void> | void {
    return this.rooms.join(room);
  }

  /** Takes the caller out of a room. */
  leave(room: string): Promise<void> | void {
    return this.rooms.leave(room);
  }

  private get rooms(): Rooms {
    const { rooms } = this.args[1];
    if (rooms !== undefined) return rooms;
    throw new N2NError(
      'INVALID_OPTIONS',
      'There are no rooms on the side that has dialed; join on the server.',
    );
  }

  private get envelope(): Envelope {
    const { envelope } = this.content;
    return typeof envelope === 'object' && envelope !== null ? envelope : {};
  }
}
