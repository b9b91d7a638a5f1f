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
  /** Ends the client's session, or its connection where it has none. */
  readonly end: () => void;
}

/** Who a client is: what a middleware of the application has set. */
export function identityOf({ data }: PeerSocket): unknown {
  return (data as { identity?: unknown } | undefined)?.identity;
}

/**
 * A client that is connected to this server, as something to call: its handlers answer over the same connection.
 *
 * Calls and events go on when the client comes back for its session. Once that is over they fail with
 * `CONNECTION_LOST`, idempotent calls and acknowledged events as well: there is nothing that they could be sent again
 * over. The same client may be a new peer by then; `PeerRegistry.byIdentity` finds it.
 */
export class PeerClient extends CallProxy {
  /** The id of the Socket.IO socket that the client had at first. It stays the same for as long as its session lives. */
  readonly id: string;
  /** Whether it is a stock Socket.IO client, which has no handlers, but may listen to events and acknowledge them. */
  readonly isStock: boolean;
  private socket: PeerSocket;
  protected override defaults: CallDefaults;
  private end: () => void;

  /** @internal Made by the server for each client. */
  constructor({ id, isStock, socket, defaults, end }: PeerParts) {
    super();
    this.id = id;
    this.isStock = isStock;
    this.socket = socket;
    this.defaults = defaults;
    this.end = end;
  }

  /** Who the client is: what a middleware of yours has set as `socket.data.identity`. */
  get identity(): unknown {
    return identityOf(this.socket);
  }

  /** The connection is there already. */
  override async connect(): Promise<void> {}

  /** Ends the client's session and connection. */
  override close(): void {
    this.end();
  }

  /** The Socket.IO socket. After the client had to reconnect, it is another one. */
  override unwrap<T = SocketIoSocket>(): T {
    return this.socket as T;
  }

  /** @internal The client has come back over another connection. */
  moveTo(socket: PeerSocket): void {
    this.socket = socket;
  }

  /** @internal It has begun a session: it is called over that, and ended with it. */
  speakOver(defaults: CallDefaults, end: () => void): void {
    this.defaults = defaults;
    this.end = end;
  }

  /** @internal It has resumed the session of another peer, which whoever holds this one calls from now on. */
  speakAs({ defaults, end }: PeerClient): void {
    this.speakOver(defaults, end);
  }

  override on(): void {
    throw new N2NError('INVALID_OPTIONS', 'Listen to the events of the socket: peer.unwrap().on(…).');
  }
}

/** The clients that are connected to a server, stock Socket.IO clients among them. */
export class PeerRegistry implements Iterable<PeerClient> {
  private readonly peers = new Map<string, PeerClient>();

  /** How many there are. */
  get size(): number {
    return this.peers.size;
  }

  /** The client whose socket has this id, or had it when its session began. */
  get(id: string): PeerClient | undefined {
    return this.peers.get(id);
  }

  /** The clients of an identity, which is compared by value: one may have several connections. */
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

/** Calls over the connection of one client, which has no other to wait for. */
export function callerOf(peer: Peer): Caller {
  return {
    call: (pattern, value, sink, terms) => peer.call(pattern, value, sink, terms),
    emit: (pattern, value, _sink, terms) => {
      peer.emit(pattern, value, terms.metadata);
      return undefined;
    },
  };
}
