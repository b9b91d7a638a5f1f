import { N2NError } from '../n2n-error.js';
import type { CallSink } from '../rpc/outgoing/outgoing-call.js';
import type { EncodedValue } from '../protocol/values/value.js';
import type { CallListener } from '../call/call-host.js';
import type { Caller, CallTerms, MadeCall } from '../call/caller.js';
import { Drain } from '../call/drain.js';
import type { NodeClient } from '../transport/node-client/node-client.js';
import { closedError, isNobodyThere } from './channel-errors.js';
import type { ServerConnection } from './server-connection.js';
import type { ServerConnectionEvents } from './server-connection-events.js';
import type { ResolvedN2NClientOptions } from './n2n-client-options.js';
import { ConnectRequests } from './connect-requests.js';
import { ServerPool } from './server-pool.js';
import { shed, type QueuedCall } from './queued-call.js';
import { OfflineQueue } from './offline-queue.js';

export type ChannelStatus = 'connected' | 'draining' | 'reconnecting' | 'disconnected';

export interface ChannelEvents {
  onStatus(status: ChannelStatus): void;
  /** See `PeerEvents.onFault`. */
  onFault(error: unknown): void;
}

/**
 * - `open`: calls are taken
 * - `closing`: calls under way are let end, new ones are refused
 * - `closed`, until `connect`
 */
type Life =
  | { readonly is: 'open' }
  | { readonly is: 'closing'; readonly sessions: Drain; readonly done: Promise<void> }
  | { readonly is: 'closed' };

/**
 * The server connections of a client, and the calls that wait for one. A balancer decides which of them are made, and
 * which one a call takes. A connection that loses its server keeps the calls that it has, and goes on coming back for them.
 */
export class Channel implements Caller, ServerConnectionEvents<ServerConnection> {
  private readonly servers: ServerPool;
  private readonly waiting: OfflineQueue;
  private life: Life = { is: 'open' };
  private readonly requests = new ConnectRequests();
  /** Whether this side hosts handlers, which the server cannot call without a connection. */
  private isHosting = false;
  private lastError: N2NError | undefined;

  /** @throws N2NError `INVALID_OPTIONS` */
  constructor(
    private readonly options: ResolvedN2NClientOptions,
    private readonly events: ChannelEvents,
  ) {
    this.waiting = new OfflineQueue(options, () => this.lastError);
    this.servers = new ServerPool(options, this);
  }

  /** The connection that is used, or was the last to be. */
  get client(): NodeClient {
    return this.servers.current.client;
  }

  /** All connections, the present one among them. */
  get clients(): readonly NodeClient[] {
    return this.servers.all.map(({ client }) => client);
  }

  /**
   * Connects, also after `close`.
   * @returns what settles when calls can be made, or when every address was tried once in vain; more attempts follow that
   * where somebody has a use for the connection
   */
  connect(): Promise<void> {
    return this.reach(() => this.requests.waitForFirst());
  }

  /**
   * Connects likewise.
   * @returns what settles when calls can be made, or when that is not to be hoped for: no address is tried any more, or
   * `close` was called
   */
  whenOpen(): Promise<void> {
    return this.reach(() => this.requests.waitForAny());
  }

  /** Takes calls again after `close`; the first one connects. */
  reopen(): void {
    if (this.life.is === 'closed') this.life = { is: 'open' };
  }

  /** Why the latest attempt has failed, if one has. */
  get failure(): N2NError | undefined {
    return this.lastError;
  }

  /** Who takes the calls of the other sides from now on; undefined for nobody. */
  hostCalls(listener: CallListener | undefined): void {
    this.isHosting = listener !== undefined;
    this.servers.hostCalls(listener);
  }

  /**
   * Takes no new calls, lets those under way end within `drainTimeout`, and ends the connections. What waits for a
   * connection fails at once with `CLOSED`, and what has not ended by then.
   */
  close(): Promise<void> {
    if (this.life.is === 'closed') return Promise.resolve();
    const error = closedError();
    if (this.life.is === 'closing') {
      this.failWaiting(error);
      return this.life.done;
    }
    const live = this.servers.all.filter((connection) => connection.hasSession);
    for (const connection of this.servers.all) if (!live.includes(connection)) connection.stop(error);
    this.life = { is: 'closed' };
    this.failWaiting(error);
    if (live.length === 0) {
      this.events.onStatus('disconnected');
      return Promise.resolve();
    }
    this.events.onStatus('draining');
    const { clock, drainTimeout } = this.options;
    const sessions = new Drain(() => !live.some(({ hasSession }) => hasSession), drainTimeout, clock);
    const done = sessions.done.then(() => {
      for (const connection of live) connection.stop(error);
      this.life = { is: 'closed' };
      this.events.onStatus('disconnected');
      if (this.requests.isEmpty) return;
      this.life = { is: 'open' };
      this.begin();
    });
    this.life = { is: 'closing', sessions, done };
    for (const connection of live) connection.drain();
    return done;
  }

  call(pattern: string, value: EncodedValue, sink: CallSink, terms: CallTerms): MadeCall {
    const connection = this.waiting.isEmpty ? this.pick(pattern) : undefined;
    if (connection !== undefined) return connection.call(pattern, value, sink, terms);
    return this.wait('call', pattern, value, sink, terms);
  }

  emit(pattern: string, value: EncodedValue, sink: CallSink, terms: CallTerms): MadeCall | undefined {
    const connection = this.pick(pattern);
    if (connection !== undefined) return connection.emit(pattern, value, sink, terms);
    return this.wait('event', pattern, value, sink, terms);
  }

  onOpen(connection: ServerConnection): void {
    if (this.life.is === 'open') this.rebalance();
    // It has come back for the calls that it had.
    else connection.drain();
  }

  onLost(connection: ServerConnection): void {
    if (this.life.is !== 'open') return;
    if (connection === this.servers.current) this.events.onStatus('reconnecting');
    this.rebalance();
  }

  onFailed(connection: ServerConnection, error: N2NError): void {
    this.lastError = error;
    // No process has the session any more, and nothing that is under way can end well.
    if (this.life.is === 'closing' && isNobodyThere(error)) connection.stop(closedError());
    if (this.life.is !== 'open') return;
    this.rebalance();
    if (!this.servers.hasFailed) return;
    this.requests.rejectFirst(error);
    // A server that drains is there, and asks its clients to come back.
    const isRefused = error.code !== 'DRAINING';
    if (isRefused && !this.requests.isInUse && !this.isHosting) this.standStill(error);
  }

  /** Once no address is tried any more, what waits fails; the next call begins anew. */
  onGivenUp(connection: ServerConnection, error: N2NError): void {
    this.onFailed(connection, error);
    if (this.life.is !== 'open' || !this.servers.isIdle) return;
    this.failWaiting(error);
    this.events.onStatus('disconnected');
  }

  onLeaving(connection: ServerConnection): void {
    if (this.life.is !== 'open') return;
    if (connection === this.servers.current) this.events.onStatus('draining');
    this.rebalance();
  }

  onDrained(connection: ServerConnection, retryAfter: number): void {
    if (this.life.is !== 'open' || this.servers.current.canCall) {
      connection.stop(closedError());
      return;
    }
    if (connection === this.servers.current) this.events.onStatus('reconnecting');
    connection.rest(retryAfter);
    this.rebalance();
  }

  onOver(connection: ServerConnection): void {
    if (this.life.is === 'closing') this.life.sessions.check();
    // It went on coming back for its calls alone.
    if (connection !== this.servers.current && this.servers.current.canCall) connection.stop(closedError());
  }

  onFault(error: unknown): void {
    this.events.onFault(error);
  }

  /** Whether calls can be made. Those that wait come first. */
  private get canCall(): boolean {
    return this.life.is === 'open' && this.servers.current.canCall;
  }

  /** @returns the connection that a call takes now; undefined where it waits. @throws N2NError of the picker */
  private pick(pattern: string): ServerConnection | undefined {
    return this.waiting.isEmpty && this.life.is === 'open' ? this.servers.pick(pattern) : undefined;
  }

  private rebalance(): void {
    this.servers.rebalance();
    if (this.canCall) this.onReady();
  }

  private onReady(): void {
    this.servers.reset();
    this.requests.resolve();
    this.events.onStatus('connected');
    this.writeWaiting();
  }

  private wait(
    kind: QueuedCall['kind'],
    pattern: string,
    value: EncodedValue,
    sink: CallSink,
    terms: CallTerms,
  ): QueuedCall {
    if (this.life.is !== 'open') throw shed(kind, pattern, terms, closedError());
    this.begin();
    this.requests.use();
    if (!this.canCall && (terms.offline ?? this.options.offline) === 'reject') {
      const error = new N2NError(
        'CONNECT_FAILED',
        `There is no connection to ${this.options.urls.join(' or ')}, and the policy "offline" is to reject what would wait for one.`,
        { cause: this.lastError },
      );
      throw shed(kind, pattern, terms, error);
    }
    return this.waiting.wait(kind, pattern, value, sink, terms);
  }

  private reach(request: () => Promise<void>): Promise<void> {
    if (this.life.is !== 'closing') this.life = { is: 'open' };
    if (this.canCall) return Promise.resolve();
    // Where it is closing, what is left of it ends first.
    if (this.life.is === 'open') this.begin();
    return request();
  }

  /** Begins to connect, where nothing leads to a connection yet. */
  private begin(): void {
    if (!this.servers.isIdle) return;
    this.servers.reset();
    this.requests.begin();
    this.servers.current.connect();
  }

  /** Tries no more: nobody has a use for a connection. */
  private standStill(error: N2NError): void {
    for (const connection of this.servers.all) connection.stop(error);
    this.events.onStatus('disconnected');
  }

  /** One by one: whoever is told of one may cancel others, make more, or close the client. */
  private writeWaiting(): void {
    while (this.canCall) {
      const call = this.waiting.take();
      if (call === undefined) return;
      call.write(this.servers.current);
    }
  }

  private failWaiting(error: N2NError): void {
    this.requests.reject(error);
    for (const call of this.waiting.takeAll()) call.fail(error);
  }
}
