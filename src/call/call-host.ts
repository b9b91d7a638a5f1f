import type { Observable } from 'rxjs';
import type { SessionInfo } from '../diagnostics.js';
import type { IncomingCall } from '../rpc/incoming/incoming-call.js';
import type { DialedSocket } from '../transport/socket-io/socket-io-server.js';
import type { Caller } from './caller.js';

/** What hosts handlers for the other side of a connection that was dialed here. */
export interface CallListener {
  /** How many calls and events of the other side are served at once. */
  readonly maxInFlight: number;
  /**
   * A session has begun, or was there already when hosting began.
   * @param caller calls the other side
   * @param info what the session is called in diagnostics
   */
  onConnection(socket: DialedSocket, caller: Caller, info: SessionInfo): HostedConnection;
}

/** A session whose other side calls handlers of this one. */
export interface HostedConnection {
  /** A call of the other side is to be handled. */
  onCall(call: IncomingCall): void;
  /** See `PeerEvents.onFault`. */
  onFault(error: unknown): void;
  /** The session goes on over another connection. */
  onMoved(socket: DialedSocket): void;
  /** It is over, or is hosted by somebody else from now on. */
  onEnded(): void;
}

/** A client whose other side may call handlers of this one: `N2NClient`, as `N2NServer` sees it. */
export interface CallHost {
  /** Who takes the calls of the other side from now on; undefined for nobody. */
  hostCalls(listener: CallListener | undefined): void;
  connect(): Promise<unknown>;
  /** The state of its connection. */
  readonly status: Observable<'connected' | 'draining' | 'reconnecting' | 'disconnected'>;
  unwrap<T>(): T;
}
