import type { N2NError } from '../n2n-error.js';

/** Told to the channel, which chooses among several connections. */
export interface ServerConnectionEvents<Connection> {
  /** Calls can be made. */
  onOpen(connection: Connection): void;
  /** The connection is lost; the connection tries to come back. */
  onLost(connection: Connection): void;
  /** An attempt has failed. Others follow. */
  onFailed(connection: Connection, error: N2NError): void;
  /** An attempt has failed, or the connection is lost, and no attempt follows. */
  onGivenUp(connection: Connection, error: N2NError): void;
  /** The server takes no new calls, or this has come back to one that takes none; those under way go on. */
  onLeaving(connection: Connection): void;
  /** The last call under way has ended, after the server, or this side, has taken no new ones. */
  onDrained(connection: Connection, retryAfter: number): void;
  /** The session is over. */
  onOver(connection: Connection): void;
  /** See `PeerEvents.onFault`. */
  onFault(error: unknown): void;
}
