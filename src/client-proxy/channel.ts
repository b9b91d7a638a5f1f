import { N2NError } from '../n2n-error.js';
import type { CallSink } from '../rpc/outgoing/outgoing-call.js';
import type { EncodedValue } from '../protocol/values/value.js';
import type { CallListener } from '../call/call-host.js';
import type { Caller, CallTerms, MadeCall } from '../call/caller.js';
import { Drain } from '../call/drain.js';
import type { NodeClient } from '../transport/node-client/node-client.js';
import { closedError, isUnreachable } from './channel-errors.js';
import type { ServerConnection } from './connection/server-connection.js';
import type { ServerConnectionEvents } from './connection/server-connection-events.js';
import type { ResolvedN2NClientOptions } from './n2n-client-options.js';
import { ConnectRequests } from './connect-requests.js';
import { ServerPool } from './server-pool.js';
import { shed, type QueuedCall } from './offline/queued-call.js';
import { OfflineQueue } from './offline/offline-queue.js';

export type ChannelStatus = 'connected' | 'draining' | 'reconnecting' | 'disconnected';

export interface ChannelEvents {
  onStatus(status: ChannelStatus): void;
  /** See `PeerEvents.onFault`. */
  onFault(error: unknown): void;
}

/**
 * - `open`: calls are accepted
 * - `closing`: calls under way may end; new calls are refused
 * - `closed`: until `connect`
 */
type State =
  | { readonly is: 'open' }
  | { readonly is: 'closing'; readonly sessions: Drain; readonly done: Promise<void> }
  | { readonly is: 'closed' };

/**
 * The server connections of a client, and the offline queue. A balancer decides which connections are made, and which
 * one a call takes. A connection that is lost keeps its calls, and reconnects to resume them.
 */
export class Channel implements Caller, ServerConnectionEvents<ServerConnection> {
  private readonly servers: ServerPool;
  private readonly queue: OfflineQueue;
  private state: State = { is: 'open' };
  private readonly requests = new ConnectRequests();
  /** Whether this side hosts handlers. The server can only call them over a connection. */
  private isHosting = false;
  private lastError: N2NError | undefined;

  /** @throws N2NError `INVALID_OPTIONS` */
  constructor(
    private readonly options: ResolvedN2NClientOptions,
    private readonly events: ChannelEvents,
  ) {
    this.queue = new OfflineQueue(options, () => this.lastError);
    this.servers = new ServerPool(options, this);
  }

  /** The connection in use, or the last one that was. */
  get client(): NodeClient {
    return this.servers.current.client;
  }

  /** All connections, including the one in use. */
  get clients(): readonly NodeClient[] {
    return this.servers.all.map(({ client }) => client);
  }

  /**
   * Connects, also after `close`.
   * @returns resolves when calls can be made. It rejects when the first attempt at every address has failed. More
   * attempts follow if calls wait, handlers are hosted, or the client was connected before.
   */
  connect(): Promise<void> {
    return this.connectAndWait(() => this.requests.waitForFirst());
  }

  /**
   * Connects, like `connect`, but waits longer.
   * @returns resolves when calls can be made. It rejects when the client has stopped its attempts, or `close` is called.
   */
  whenOpen(): Promise<void> {
    return this.connectAndWait(() => this.requests.waitForAny());
  }

  /** Accepts calls again after `close`. The first call connects. */
  reopen(): void {
    if (this.state.is === 'closed') this.state = { is: 'open' };
  }

  /** The error of the last failed attempt, if there was one. */
  get failure(): N2NError | undefined {
    return this.lastError;
  }

  /** Sets the listener that takes the calls of the servers; undefined for none. */
  hostCalls(listener: CallListener | undefined): void {
    this.isHosting = listener !== undefined;
    this.servers.hostCalls(listener);
  }

  /**
   * Refuses new calls, waits at most `drainTimeout` for the calls under way, and ends the connections. Calls in the
   * offline queue fail immediately with `CLOSED`. Calls that have not ended after `drainTimeout` fail with it, too.
   */
  close(): Promise<void> {
    if (this.state.is === 'closed') return Promise.resolve();
    const error = closedError();
    if (this.state.is === 'closing') {
      this.failQueued(error);
      return this.state.done;
    }
    const live = this.servers.all.filter((connection) => connection.hasSession);
    for (const connection of this.servers.all) if (!live.includes(connection)) connection.stop(error);
    this.state = { is: 'closed' };
    this.failQueued(error);
    if (live.length === 0) {
      this.events.onStatus('disconnected');
      return Promise.resolve();
    }
    this.events.onStatus('draining');
    const { clock, drainTimeout } = this.options;
    const sessions = new Drain(() => !live.some(({ hasSession }) => hasSession), drainTimeout, clock);
    const done = sessions.done.then(() => {
      for (const connection of live) connection.stop(error);
      this.state = { is: 'closed' };
      this.events.onStatus('disconnected');
      if (this.requests.isEmpty) return;
      this.state = { is: 'open' };
      this.begin();
    });
    this.state = { is: 'closing', sessions, done };
    for (const connection of live) connection.drain();
    return done;
  }

  call(pattern: string, value: EncodedValue, sink: CallSink, terms: CallTerms): MadeCall {
    const connection = this.queue.isEmpty ? this.pick(pattern) : undefined;
    if (connection !== undefined) return connection.call(pattern, value, sink, terms);
    return this.enqueue('call', pattern, value, sink, terms);
  }

  emit(pattern: string, value: EncodedValue, sink: CallSink, terms: CallTerms): MadeCall | undefined {
    const connection = this.pick(pattern);
    if (connection !== undefined) return connection.emit(pattern, value, sink, terms);
    return this.enqueue('event', pattern, value, sink, terms);
  }

  onOpen(connection: ServerConnection): void {
    if (this.state.is === 'open') this.rebalance();
    // The channel is closing: the connection has resumed its session to finish its calls.
    else connection.drain();
  }

  onLost(connection: ServerConnection): void {
    if (this.state.is !== 'open') return;
    if (connection === this.servers.current) this.events.onStatus('reconnecting');
    this.rebalance();
  }

  onFailed(connection: ServerConnection, error: N2NError): void {
    this.lastError = error;
    // No process has the session any more. The calls under way cannot succeed.
    if (this.state.is === 'closing' && isUnreachable(error)) connection.stop(closedError());
    if (this.state.is !== 'open') return;
    this.rebalance();
    if (!this.servers.hasFailed) return;
    this.requests.rejectFirst(error);
    // A server that drains is reachable, and its clients reconnect later.
    const isRefused = error.code !== 'DRAINING';
    if (isRefused && !this.requests.isInUse && !this.isHosting) this.stopAll(error);
  }

  /** When no address is tried any more, queued calls fail. The next call connects again. */
  onGivenUp(connection: ServerConnection, error: N2NError): void {
    this.onFailed(connection, error);
    if (this.state.is !== 'open' || !this.servers.isIdle) return;
    this.failQueued(error);
    this.events.onStatus('disconnected');
  }

  onDraining(connection: ServerConnection): void {
    if (this.state.is !== 'open') return;
    if (connection === this.servers.current) this.events.onStatus('draining');
    this.rebalance();
  }

  onDrained(connection: ServerConnection, retryAfter: number): void {
    if (this.state.is !== 'open' || this.servers.current.canCall) {
      connection.stop(closedError());
      return;
    }
    if (connection === this.servers.current) this.events.onStatus('reconnecting');
    connection.backOff(retryAfter);
    this.rebalance();
  }

  onOver(connection: ServerConnection): void {
    if (this.state.is === 'closing') this.state.sessions.check();
    // It had reconnected only to finish its calls.
    if (connection !== this.servers.current && this.servers.current.canCall) connection.stop(closedError());
  }

  onFault(error: unknown): void {
    this.events.onFault(error);
  }

  /** Whether calls can be made. Queued calls are written first. */
  private get canCall(): boolean {
    return this.state.is === 'open' && this.servers.current.canCall;
  }

  /** @returns the connection for a call; undefined if the call has to wait. @throws N2NError of the picker */
  private pick(pattern: string): ServerConnection | undefined {
    return this.queue.isEmpty && this.state.is === 'open' ? this.servers.pick(pattern) : undefined;
  }

  private rebalance(): void {
    this.servers.rebalance();
    if (this.canCall) this.onReady();
  }

  private onReady(): void {
    this.servers.reset();
    this.requests.resolve();
    this.events.onStatus('connected');
    this.writeQueued();
  }

  private enqueue(
    kind: QueuedCall['kind'],
    pattern: string,
    value: EncodedValue,
    sink: CallSink,
    terms: CallTerms,
  ): QueuedCall {
    if (this.state.is !== 'open') throw shed(kind, pattern, terms, closedError());
    this.begin();
    this.requests.use();
    if (!this.canCall && (terms.offline ?? this.options.offline) === 'reject') {
      const error = new N2NError(
        'CONNECT_FAILED',
        `There is no connection to ${this.options.urls.join(' or ')}, and the "offline" policy is "reject".`,
        { cause: this.lastError },
      );
      throw shed(kind, pattern, terms, error);
    }
    return this.queue.wait(kind, pattern, value, sink, terms);
  }

  private connectAndWait(request: () => Promise<void>): Promise<void> {
    if (this.state.is !== 'closing') this.state = { is: 'open' };
    if (this.canCall) return Promise.resolve();
    // A channel that is closing finishes its drain first.
    if (this.state.is === 'open') this.begin();
    return request();
  }

  /** Connects, unless an attempt or a connection exists. */
  private begin(): void {
    if (!this.servers.isIdle) return;
    this.servers.reset();
    this.requests.begin();
    this.servers.current.connect();
  }

  /** Stops all attempts: no connection is needed. */
  private stopAll(error: N2NError): void {
    for (const connection of this.servers.all) connection.stop(error);
    this.events.onStatus('disconnected');
  }

  /** Writes one call at a time: its callbacks may cancel others, make new calls, or close the client. */
  private writeQueued(): void {
    while (this.canCall) {
      const call = this.queue.take();
      if (call === undefined) return;
      call.write(this.servers.current);
    }
  }

  private failQueued(error: N2NError): void {
    this.requests.reject(error);
    for (const call of this.queue.takeAll()) call.fail(error);
  }
}
