import type { N2NError } from '../n2n-error.js';

/**
 * - `idle`: nothing is connected or tried
 * - `connecting`: the first attempt since then, or since the connection was lost, has not failed yet
 * - `ready`: takes calls
 * - `draining`: the server takes no new calls; those under way go on
 * - `away`: an attempt has failed, or the server has sent its clients away; others follow
 * - `failed`: the attempts were given up
 */
export type ConnectionState = 'idle' | 'connecting' | 'ready' | 'draining' | 'away' | 'failed';

/** A server connection, as a balancer sees it. */
export interface BalancedConnection {
  readonly state: ConnectionState;
}

/** Where a call goes. */
export type PickResult<Connection> =
  | { readonly is: 'connection'; readonly connection: Connection }
  /** It waits for a connection. */
  | { readonly is: 'queue' }
  | { readonly is: 'fail'; readonly error: N2NError };

/** Chooses a connection for each call, until the next `update` of its balancer. */
export interface Picker<Connection> {
  pick(pattern: string): PickResult<Connection>;
}

/** The decisions of a balancer. */
export interface Balance<Connection> {
  readonly picker: Picker<Connection>;
  /** The connection that stands for all of them, to users who ask for one. */
  readonly inUse: Connection;
  /** To be connected now. */
  readonly connect: readonly Connection[];
  /** Of no more use, unless calls are under way on them. */
  readonly release: readonly Connection[];
}

/**
 * Decides which connections are made, and which of them a call takes. It is pure: states go in, a picker comes out
 * (as in grpc-js). It keeps no connection, timer or socket.
 */
export interface Balancer<Connection extends BalancedConnection> {
  /** @param connections all of them, in the order of the addresses, whenever the state of one has changed */
  update(connections: readonly [Connection, ...Connection[]]): Balance<Connection>;
}
