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

/** The connection of a call. */
export interface CallConnection {
  /** Calls the other side, and has its socket. */
  readonly peer: CallProxy;
  /** Undefined on the client's side of a connection: only a server has rooms. */
  readonly rooms: Rooms | undefined;
  /** The time in milliseconds, by the clock of the deadlines. */
  readonly now: () => number;
  readonly report: ReportError;
}

/** The headers and metadata of a call. */
interface Envelope {
  readonly headers?: unknown;
  readonly metadata?: unknown;
}

const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

/** The context of a call, for its handler: `@Ctx() context: N2NContext`. */
export class N2NContext extends BaseRpcContext<[IncomingCall, CallConnection]> implements CallScope {
  private controller: AbortController | undefined = undefined;

  /** @param content the content of the call, or of its Nest packet */
  constructor(
    call: IncomingCall,
    connection: CallConnection,
    private readonly content: CallContent = call.content,
  ) {
    super([call, connection]);
  }

  /** Returns the pattern of the call, as the caller has sent it. An object pattern is JSON with sorted keys. */
  getPattern(): string {
    return this.content.pattern;
  }

  /** Returns the headers that the caller has set with `N2NRecordBuilder.setHeaders`. */
  getHeaders(): Readonly<Record<string, string>> {
    const { headers } = this.envelope;
    return typeof headers === 'object' && headers !== null ? (headers as Record<string, string>) : NO_HEADERS;
  }

  /** Returns the metadata that the caller's dispatch hook (Nest 12) has added; undefined without metadata. */
  getMetadata(): unknown {
    return this.envelope.metadata;
  }

  /**
   * Returns a signal that is aborted when the caller has unsubscribed, timed out, or disconnected for good. The signal of
   * an acknowledged event is never aborted: its sender will send the event again, and gets the outcome of this handler.
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
   * Returns the time when the caller stops waiting, in milliseconds since the epoch; undefined without a timeout. Each
   * value that the handler sends extends it. So does each value of a streamed payload.
   */
  getDeadline(): number | undefined {
    const { expiresAt } = this.args[0];
    return expiresAt === Infinity ? undefined : Date.now() + expiresAt - this.args[1].now();
  }

  /** Returns the identity that your middleware has set as `socket.data.identity`. The type `T` is not checked. */
  getIdentity<T = unknown>(): T {
    return identityOf(this.getSocket()) as T;
  }

  /**
   * Returns the Socket.IO socket of the caller, with its `handshake`, `data` and rooms. After the caller has reconnected,
   * it is the new socket. With the server option `client`, it is the client's own socket.
   */
  getSocket<T = SocketIoSocket>(): T {
    return this.args[1].peer.unwrap<T>();
  }

  /** Returns a `ClientProxy` that calls the handlers of the caller, over the same connection. */
  getPeer(): CallProxy {
    return this.args[1].peer;
  }

  /** Adds the caller to a room, for `N2NServer.broadcast`. It stays in the room until its session ends. */
  join(room: string): Promise<void> | void {
    return this.rooms.join(room);
  }

  /** Removes the caller from a room. */
  leave(room: string): Promise<void> | void {
    return this.rooms.leave(room);
  }

  private get rooms(): Rooms {
    const { rooms } = this.args[1];
    if (rooms !== undefined) return rooms;
    throw new N2NError(
      'INVALID_OPTIONS',
      'Rooms exist only on the server that accepts connections: call join() there.',
    );
  }

  private get envelope(): Envelope {
    const { envelope } = this.content;
    return typeof envelope === 'object' && envelope !== null ? envelope : {};
  }
}
