import type { Balancer, Picker } from '../balancing/balancer.js';
import { FirstBalancer } from '../balancing/first-balancer.js';
import type { CallListener } from '../call/call-host.js';
import { closedError } from './channel-errors.js';
import type { ResolvedN2NClientOptions } from './n2n-client-options.js';
import { ServerConnection } from './connection/server-connection.js';
import type { ServerConnectionEvents } from './connection/server-connection-events.js';

/** The server connections of a client, and the balancer that chooses among them. */
export class ServerPool {
  readonly all: readonly [ServerConnection, ...ServerConnection[]];
  private readonly balancer: Balancer<ServerConnection> = new FirstBalancer();
  private picker: Picker<ServerConnection>;
  private used: ServerConnection;

  /** @throws N2NError `INVALID_OPTIONS` */
  constructor(options: ResolvedN2NClientOptions, events: ServerConnectionEvents<ServerConnection>) {
    const [first, ...others] = options.urls;
    this.used = new ServerConnection(first, options, events);
    this.all = [this.used, ...others.map((url) => new ServerConnection(url, options, events))];
    this.picker = this.balancer.update(this.all).picker;
  }

  /** The connection in use, or the last one that was. */
  get current(): ServerConnection {
    return this.used;
  }

  /** Whether there is no connection and no attempt, now or scheduled. */
  get isIdle(): boolean {
    return this.all.every(({ isIdle }) => isIdle);
  }

  /** Whether every address has failed since the last connection. */
  get hasFailed(): boolean {
    return this.all.every(({ state }) => state === 'away' || state === 'failed');
  }

  /** Sets the listener that takes the calls of the servers; undefined for none. */
  hostCalls(listener: CallListener | undefined): void {
    for (const connection of this.all) connection.hostCalls(listener);
  }

  /** @returns the connection for a call; undefined if the call has to wait. @throws N2NError of the picker */
  pick(pattern: string): ServerConnection | undefined {
    const result = this.picker.pick(pattern);
    if (result.is === 'fail') throw result.error;
    // The channel may not know yet that the connection is lost.
    return result.is === 'connection' && result.connection.canCall ? result.connection : undefined;
  }

  /** Runs the balancer after the state of a connection has changed. */
  rebalance(): void {
    const { picker, inUse, connect, release } = this.balancer.update(this.all);
    this.picker = picker;
    this.used = inUse;
    for (const connection of release) if (!connection.hasSession) connection.stop(closedError());
    for (const connection of connect) connection.connect();
  }

  /** Forgets which addresses have failed. */
  reset(): void {
    for (const connection of this.all) connection.reset();
  }
}
