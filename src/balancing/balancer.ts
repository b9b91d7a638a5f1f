import type { N2NError } from '../n2n-error.js';

/**
 * The state of a server connection.
 * - `idle`: there is no connection and no attempt
 * - `connecting`: the first attempt, or the first one after a lost connection, has not failed yet
 * - `ready`: the connection takes calls
 * - `draining`: the server refuses new calls; calls under way continue
 * - `away`: an attempt has failed, or the server has drained; more attempts follow
 * - `failed`: the attempts have stopped after a failure
 */
export type ConnectionState = 'idle' | 'connecting' | 'ready' | 'draining' | 'away' | 'failed';

/** The part of a server connection that a balancer uses. */
export interface BalancedConnection {
  readonly state: ConnectionState;
}

/** The decision of a picker about a call. */
export type PickResult<Connection> =
  | { readonly is: 'connection'; readonly connection: Connection }
  /** The call waits for a connection. */
  | { readonly is: 'queue' }
  | { readonly is: 'fail'; readonly error: N2NError };

/** Chooses a connection for each call, until the next `update` of its balancer. */
export interface Picker<Connection> {
  pick(pattern: string): PickResult<Connection>;
}

/** The decisions of a balancer. */
export interface Balance<Connection> {
  readonly picker: Picker<Connection>;
  /** The connection that `unwrap` returns, and whose status is the client's status. */
  readonly inUse: Connection;
  /** The connections to open now. */
  readonly connect: readonly Connection[];
  /** The connections to stop, unless calls are under way on them. */
  readonly release: readonly Connection[];
}

/**
 * Decides which connections are made, and which connection a call takes. It is pure, as in grpc-js: it gets states and
 * returns a picker. It owns no connections, timers or sockets.
 */
export interface Balancer<Connection extends BalancedConnection> {
  /**
   * Called whenever the state of a connection has changed.
   * @param connections all connections, in the order of the addresses
   */
  update(connections: readonly [Connection, ...Connection[]]): Balance<Connection>;
}
