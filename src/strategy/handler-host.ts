import type { IncomingCall } from '../rpc/incoming/incoming-call.js';
import type { SocketIoServer } from '../transport/socket-io/socket-io-server.js';
import type { CallConnection } from './n2n-context.js';
import type { PeerRegistry } from './peer-client.js';

/** Whether calls can come; see `N2NServerStatus`. */
export type HostStatus = 'connected' | 'draining' | 'reconnecting' | 'disconnected';

/** Where the calls come from that `N2NServer` has handlers for: connections that it accepted, or one that was dialed. */
export interface HandlerHost {
  readonly peers: PeerRegistry;
  /**
   * Begins to take calls.
   * @param onStatus is told whether calls can come, until `close`
   * @throws N2NError `CONNECT_FAILED` when the port cannot be listened on
   */
  listen(onStatus: (status: HostStatus) => void): Promise<void>;
  close(): Promise<void>;
  /** What is under it: the Socket.IO server, or the NodeClient. */
  unwrap(): unknown;
  on(event: string, listener: (...args: unknown[]) => void): void;
  /** The Socket.IO server, for broadcasts. @throws N2NError `INVALID_OPTIONS` where there is none */
  server(): SocketIoServer;
}

/** Takes a call, with the connection that it came on. */
export type TakeCall = (call: IncomingCall, connection: CallConnection) => void;
