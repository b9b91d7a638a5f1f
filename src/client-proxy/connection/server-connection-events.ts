import type { N2NError } from '../../n2n-error.js';

/** The events of a server connection, for the channel. */
export interface ServerConnectionEvents<Connection> {
  /** Calls can be made. */
  onOpen(connection: Connection): void;
  /** The connection is lost. It reconnects. */
  onLost(connection: Connection): void;
  /** An attempt has failed. More attempts follow. */
  onFailed(connection: Connection, error: N2NError): void;
  /** An attempt has failed, or the connection is lost. No attempt follows. */
  onGivenUp(connection: Connection, error: N2NError): void;
  /** The server refuses new calls, now or after a resume. Calls under way continue. */
  onDraining(connection: Connection): void;
  /** The last call has ended, after the server or this side began to drain. */
  onDrained(connection: Connection, retryAfter: number): void;
  /** The session has ended. */
  onOver(connection: Connection): void;
  /** See `PeerEvents.onFault`. */
  onFault(error: unknown): void;
}
