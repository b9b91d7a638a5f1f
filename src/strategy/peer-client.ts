import type { Peer } from '../peer/peer.js';
import { CallProxy, type CallDefaults } from '../proxy/call-proxy.js';
import type { Caller } from '../proxy/caller.js';
import type { SocketIoSocket } from '../transport/socket-io-server.js';
import { N2NError } from '../n2n-error.js';

/** A client that is connected to this server, as something to call: its handlers answer over the same connection. */
export class PeerClient extends CallProxy {
  /** @internal Made by the server for each client. */
  constructor(
    /** The id of the client's Socket.IO socket. It changes with every connection. */
    readonly id: string,
    private readonly socket: Pick<SocketIoSocket, 'data' | 'disconnect'>,
    protected override readonly defaults: CallDefaults,
  ) {
    super();
  }

  /** Who the client is: what a middleware of yours has set as `socket.data.identity`. */
  get identity(): unknown {
    return (this.socket.data as { identity?: unknown } | undefined)?.identity;
  }

  /** The connection is there already. */
  override async connect(): Promise<void> {}

  /** Ends the client's connection. */
  override close(): void {
    this.socket.disconnect(true);
  }

  /** The Socket.IO socket. */
  override unwrap<T = SocketIoSocket>(): T {
    return this.socket as T;
  }

  override on(): void {
    throw new N2NError('INVALID_OPTIONS', 'Listen to the events of the socket: peer.unwrap().on(…).');
  }
}

/** The clients that are connected to a server. */
export class PeerRegistry implements Iterable<PeerClient> {
  private readonly peers = new Map<string, PeerClient>();

  /** How many there are. */
  get size(): number {
    return this.peers.size;
  }

  /** The client whose socket has this id. */
  get(id: string): PeerClient | undefined {
    return this.peers.get(id);
  }

  /** The clients of an identity: one may have several connections. */
  byIdentity(identity: unknown): PeerClient[] {
    return [...this.peers.values()].filter((peer) => peer.identity === identity);
  }

  [Symbol.iterator](): Iterator<PeerClient> {
    return this.peers.values();
  }

  /** @internal */
  add(peer: PeerClient): void {
    this.peers.set(peer.id, peer);
  }

  /** @internal */
  remove(id: string): void {
    this.peers.delete(id);
  }
}

/** Calls over the connection of one client, which has no other to wait for. */
export function callerOf(peer: Peer): Caller {
  return {
    call: (pattern, value, sink, terms) => peer.call(pattern, value, sink, terms),
    emit: (pattern, value, _sink, terms) => {
      peer.emit(pattern, value, terms.metadata);
      return true;
    },
  };
}
