import { isDeepStrictEqual } from 'node:util';
import type { Peer } from '../rpc/peer.js';
import { CallProxy } from '../call/call-proxy.js';
import type { CallDefaults } from '../call/layers/call-layers.js';
import type { Caller } from '../call/caller.js';
import type { SocketIoSocket } from '../transport/socket-io/socket-io-server.js';
import { N2NError } from '../n2n-error.js';

type PeerSocket = Pick<SocketIoSocket, 'data'>;

interface PeerParts {
  readonly id: string;
  readonly isStock: boolean;
  readonly socket: PeerSocket;
  readonly defaults: CallDefaults;
  /** Ends the client's session, or its connection if it has no session. */
  readonly end: () => void;
}

/** The identity of a client, as the application's middleware has set it. */
export function identityOf({ data }: PeerSocket): unknown {
  return (data as { identity?: unknown } | undefined)?.identity;
}

/**
 * Calls the handlers of a client that is connected to this server. The handlers answer over the same connection.
 *
 * Calls and events continue when the client resumes its session. When the session ends, they fail with
 * `CONNECTION_LOST`, including idempotent calls and acknowledged events: the server cannot reconnect to a client. After a
 * new session, the client is a new peer; `PeerRegistry.byIdentity` finds it.
 */
export class PeerClient extends CallProxy {
  /** The id of the client's first Socket.IO socket. It stays the same until the session ends. */
  readonly id: string;
  /** Whether it is a stock Socket.IO client. It has no handlers, but can listen to events and acknowledge them. */
  readonly isStock: boolean;
  private socket: PeerSocket;
  protected override defaults: CallDefaults;
  private end: () => void;

  /** @internal Created by the server for each client. */
  constructor({ id, isStock, socket, defaults, end }: PeerParts) {
    super();
    this.id = id;
    this.isStock = isStock;
    this.socket = socket;
    this.defaults = defaults;
    this.end = end;
  }

  /** The identity of the client, as your middleware has set it in `socket.data.identity`. */
  get identity(): unknown {
    return identityOf(this.socket);
  }

  /** Does nothing: the client is already connected. */
  override async connect(): Promise<void> {}

  /** Ends the client's session and connection. */
  override close(): void {
    this.end();
  }

  /** Returns the Socket.IO socket of the client. After a reconnect, it is another socket. */
  override unwrap<T = SocketIoSocket>(): T {
    return this.socket as T;
  }

  /** @internal The client has resumed its session over another connection. */
  moveTo(socket: PeerSocket): void {
    this.socket = socket;
  }

  /** @internal The client has begun a session: calls and `close` use it from now on. */
  useSession(defaults: CallDefaults, end: () => void): void {
    this.defaults = defaults;
    this.end = end;
  }

  /** @internal The client has resumed the session of another peer. A reference to this one uses that session, too. */
  resumeAs({ defaults, end }: PeerClient): void {
    this.useSession(defaults, end);
  }

  override on(): void {
    throw new N2NError('INVALID_OPTIONS', 'Listen to the events of the socket: peer.unwrap().on(…).');
  }
}

/** The clients that are connected to a server, including stock Socket.IO clients. */
export class PeerRegistry implements Iterable<PeerClient> {
  private readonly peers = new Map<string, PeerClient>();

  /** The number of clients. */
  get size(): number {
    return this.peers.size;
  }

  /** Returns the client with this id: the id of the socket with which its session began. */
  get(id: string): PeerClient | undefined {
    return this.peers.get(id);
  }

  /** Returns the clients with an identity. Identities are compared by value, and may have several connections. */
  byIdentity(identity: unknown): PeerClient[] {
    return [...this.peers.values()].filter((peer) => isDeepStrictEqual(peer.identity, identity));
  }

  [Symbol.iterator](): Iterator<PeerClient> {
    return this.peers.values();
  }

  /** @internal */
  add(peer: PeerClient): void {
    this.peers.set(peer.id, peer);
  }

  /** @internal */
  remove(peer: PeerClient): void {
    if (this.peers.get(peer.id) === peer) this.peers.delete(peer.id);
  }
}

/** Makes calls over the session of one client. Calls do not wait for another session. */
export function callerOf(peer: Peer): Caller {
  return {
    call: (pattern, value, sink, terms) => peer.call(pattern, value, sink, terms),
    emit: (pattern, value, _sink, terms) => {
      peer.emit(pattern, value, terms.metadata);
      return undefined;
    },
  };
}
