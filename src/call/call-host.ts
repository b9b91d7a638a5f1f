import type { Observable } from 'rxjs';
import type { SessionInfo } from '../diagnostics.js';
import type { IncomingCall } from '../rpc/incoming/incoming-call.js';
import type { DialedSocket } from '../transport/socket-io/socket-io-server.js';
import type { Caller } from './caller.js';

/** Hosts handlers for the server that a client has connected to. */
export interface CallListener {
  /** The most calls and events of the server that are handled at once. */
  readonly maxInFlight: number;
  /**
   * Called when a session begins, and for a session that exists when hosting begins.
   * @param caller calls the server
   * @param info identifies the session in diagnostics
   */
  onConnection(socket: DialedSocket, caller: Caller, info: SessionInfo): HostedConnection;
}

/** A session over which the server calls handlers of the client. */
export interface HostedConnection {
  /** Handles a call of the server. */
  onCall(call: IncomingCall): void;
  /** See `PeerEvents.onFault`. */
  onFault(error: unknown): void;
  /** The session is resumed over another connection. */
  onMoved(socket: DialedSocket): void;
  /** The session has ended, or another listener hosts it from now on. */
  onEnded(): void;
}

/** A client that lets its server call handlers on this side: `N2NClient`, as `N2NServer` sees it. */
export interface CallHost {
  /** Sets the listener that takes the calls of the server; undefined for none. */
  hostCalls(listener: CallListener | undefined): void;
  connect(): Promise<unknown>;
  /** The state of the connection. */
  readonly status: Observable<'connected' | 'draining' | 'reconnecting' | 'disconnected'>;
  unwrap<T>(): T;
}
