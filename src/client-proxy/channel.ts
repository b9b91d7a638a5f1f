import type { Balancer, Picker } from '../balancing/balancer.js';
import { FirstBalancer } from '../balancing/first-balancer.js';
import { N2NError } from '../n2n-error.js';
import type { CallSink } from '../rpc/outgoing/outgoing-call.js';
import type { EncodedValue } from '../protocol/values/value.js';
import type { CallListener } from '../call/call-host.js';
import type { Caller, CallTerms, MadeCall } from '../call/caller.js';
import { Drain } from '../call/drain.js';
import type { NodeClient } from '../transport/node-client/node-client.js';
import { ServerConnection } from './server-connection.js';
import type { ServerConnectionEvents } from './server-connection-events.js';
import type { ResolvedN2NClientOptions } from './n2n-client-options.js';
import { PendingConnect } from './pending-connect.js';
import { QueuedCall, shed } from './queued-call.js';
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
  private readonly all: readonly [ServerConnection, ...ServerConnection[]];
  private readonly waiting: OfflineQueue;
  private readonly balancer: Balancer<ServerConnection> = new FirstBalancer();
  private picker: Picker<ServerConnection>;
  /** The connection that is used, or was the last to be. */
  private current: ServerConnection;
  private life: Life = { is: 'open' };
  /** Those who wait for `connect` to come out. */
  private connecting: PendingConnect | undefined;
  /** Those who wait for a connection, however many attempts it takes. */
  private opening: PendingConnect | undefined;
  private lastError: N2NError | undefined;

  /** @throws N2NError `INVALID_OPTIONS` */
  constructor(
    private readonly options: ResolvedN2NClientOptions,
    private readonly events: ChannelEvents,
  ) {
    this.waiting = new OfflineQueue(options.maxBuffered, options.maxBufferedBytes, options.clock);
    const [first, ...others] = options.urls;
    this.current = new ServerConnection(first, options, this);
    this.all = [this.current, ...others.map((url) => new ServerConnection(url, options, this))];
    this.picker = this.balancer.update(this.all).picker;
  }

  /** The connection that is used, or was the last to be. */
  get client(): NodeClient {
    return this.current.client;
  }

  /** All connections, the present one among them. */
  get clients(): readonly NodeClient[] {
    return this.all.map(({ client }) => client);
  }

  /**
   * Connects, also after `close`.
   * @returns what settles when calls can be made, or when every address was tried once in vain; more attempts follow that
   */
  connect(): Promise<void> {
    return this.reach(() => (this.connecting ??= new PendingConnect()));
  }

  /**
   * Connects likewise.
   * @returns what settles when calls can be made, or when that is not to be hoped for: no address is tried any more, or
   * `close` was called
   */
  whenOpen(): Promise<void> {
    return this.reach(() => (this.opening ??= new PendingConnect()));
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
    for (const connection of this.all) connection.hostCalls(listener);
  }

  /**
   * Takes no new calls, lets those under way end within `drainTimeout`, and ends the connections. What waits for a
   * connection fails at once with `CLOSED`, and what has not ended by then.
   */
  close(): Promise<void> {
    if (this.life.is === 'closed') return Promise.resolve();
    const error = closed();
    if (this.life.is === 'closing') {
      this.failWaiting(error);
      return this.life.done;
    }
    const live = this.all.filter((connection) => connection.hasSession);
    for (const connection of this.all) if (!live.includes(connection)) connection.stop(error);
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
      if ((this.connecting ?? this.opening) === undefined) return;
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
    const connection = this.waiting.isEmpty ? this.pick(pattern) : undefined;
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
    if (connection === this.current) this.events.onStatus('reconnecting');
    this.rebalance();
  }

  onFailed(_connection: ServerConnection, error: N2NError): void {
    this.lastError = error;
    if (this.life.is !== 'open') return;
    this.rebalance();
    if (!this.all.every(({ state }) => state === 'away' || state === 'failed')) return;
    this.connecting?.reject(error);
    this.connecting = undefined;
  }

  /** Once no address is tried any more, what waits fails; the next call begins anew. */
  onGivenUp(connection: ServerConnection, error: N2NError): void {
    this.onFailed(connection, error);
    if (this.life.is !== 'open' || !this.all.every(({ isIdle }) => isIdle)) return;
    this.failWaiting(error);
    this.events.onStatus('disconnected');
  }

  onLeaving(connection: ServerConnection): void {
    if (this.life.is !== 'open') return;
    if (connection === this.current) this.events.onStatus('draining');
    this.rebalance();
  }

  onDrained(connection: ServerConnection, retryAfter: number): void {
    if (this.life.is !== 'open' || this.current.canCall) {
      connection.stop(closed());
      return;
    }
    if (connection === this.current) this.events.onStatus('reconnecting');
    connection.rest(retryAfter);
    this.rebalance();
  }

  onOver(connection: ServerConnection): void {
    if (this.life.is === 'closing') this.life.sessions.check();
    // It went on coming back for its calls alone.
    if (connection !== this.current && this.current.canCall) connection.stop(closed());
  }

  onFault(error: unknown): void {
    this.events.onFault(error);
  }

  /** Whether calls can be made. Those that wait come first. */
  private get canCall(): boolean {
    return this.life.is === 'open' && this.current.canCall;
  }

  /** @returns the connection that a call takes now; undefined where it waits. @throws N2NError of the picker */
  private pick(pattern: string): ServerConnection | undefined {
    if (this.life.is !== 'open') return undefined;
    const result = this.picker.pick(pattern);
    if (result.is === 'fail') throw result.error;
    // The channel may yet have to hear that the connection is lost.
    return result.is === 'connection' && result.connection.canCall ? result.connection : undefined;
  }

  /** Has the balancer decide anew, since the state of a connection has changed. */
  private rebalance(): void {
    const { picker, inUse, connect, release } = this.balancer.update(this.all);
    this.picker = picker;
    this.current = inUse;
    for (const connection of release) if (!connection.hasSession) connection.stop(closed());
    for (const connection of connect) connection.connect();
    if (this.canCall) this.onReady();
  }

  private onReady(): void {
    for (const connection of this.all) connection.reset();
    this.connecting?.resolve();
    this.opening?.resolve();
    this.connecting = undefined;
    this.opening = undefined;
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
    if (this.life.is !== 'open') throw shed(kind, pattern, terms, closed());
    this.begin();
    if (!this.canCall && (terms.offline ?? this.options.offline) === 'reject') {
      const error = new N2NError(
        'CONNECT_FAILED',
        `There is no connection to ${this.options.urls.join(' or ')}, and the policy "offline" is to reject what would wait for one.`,
        { cause: this.lastError },
      );
      throw shed(kind, pattern, terms, error);
    }
    const call = new QueuedCall(
      kind,
      pattern,
      value,
      terms,
      sink,
      (dropped) => this.waiting.remove(dropped),
      () => this.lastError,
    );
    this.waiting.add(call);
    return call;
  }

  private reach(pending: () => PendingConnect): Promise<void> {
    if (this.life.is !== 'closing') this.life = { is: 'open' };
    if (this.canCall) return Promise.resolve();
    const { promise } = pending();
    // Where it is closing, what is left of it ends first.
    if (this.life.is === 'open') this.begin();
    return promise;
  }

  /** Begins to connect, where nothing leads to a connection yet. */
  private begin(): void {
    if (!this.all.every(({ isIdle }) => isIdle)) return;
    for (const connection of this.all) connection.reset();
    this.current.connect();
  }

  /** One by one: whoever is told of one may cancel others, make more, or close the client. */
  private writeWaiting(): void {
    while (this.canCall) {
      const call = this.waiting.take();
      if (call === undefined) return;
      call.write(this.current);
    }
  }

  private failWaiting(error: N2NError): void {
    this.connecting?.reject(error);
    this.opening?.reject(error);
    this.connecting = undefined;
    this.opening = undefined;
    for (const call of this.waiting.takeAll()) call.fail(error);
  }
}

function closed(): N2NError {
  return new N2NError('CLOSED', 'The client was closed; call connect() to use it again.');
}
