import type { IncomingCall } from '../rpc/incoming/incoming-call.js';
import type { SocketIoServer } from '../transport/socket-io/socket-io-server.js';
import type { CallConnection } from './n2n-context.js';
import type { PeerRegistry } from './peer-client.js';

/** See `N2NServerStatus`. */
export type HostStatus = 'connected' | 'draining' | 'reconnecting' | 'disconnected';

/** The source of the calls of an `N2NServer`: the connections that it accepts, or the connection of an `N2NClient`. */
export interface HandlerHost {
  readonly peers: PeerRegistry;
  /**
   * Starts to take calls.
   * @param onStatus gets each status, until `close`
   * @throws N2NError `CONNECT_FAILED` when the server cannot listen on its port
   */
  listen(onStatus: (status: HostStatus) => void): Promise<void>;
  close(): Promise<void>;
  /** Returns the Socket.IO server, or the `NodeClient`. */
  unwrap(): unknown;
  on(event: string, listener: (...args: unknown[]) => void): void;
  /** Returns the Socket.IO server, for broadcasts. @throws N2NError `INVALID_OPTIONS` if there is none */
  server(): SocketIoServer;
}

/** Takes a call and its connection. */
export type TakeCall = (call: IncomingCall, connection: CallConnection) => void;
