import type { BalancedConnection, ConnectionState } from '../../balancing/balancer.js';
import type { TimerHandle } from '../../clock.js';
import { N2NError } from '../../n2n-error.js';
import type { CallSink, OutgoingCall } from '../../rpc/outgoing/outgoing-call.js';
import type { Peer } from '../../rpc/peer.js';
import type { EncodedValue } from '../../protocol/values/value.js';
import type { CallListener } from '../../call/call-host.js';
import type { Caller, CallTerms } from '../../call/caller.js';
import { ReconnectLoop } from '../../transport/connection/reconnect-loop.js';
import { addressLabel, addressOfUrl } from '../../transport/connection/server-address.js';
import { NodeClient } from '../../transport/node-client/node-client.js';
import { connectionTo } from '../../transport/node-client/node-client-options.js';
import type { DialedSocket } from '../../transport/socket-io/socket-io-server.js';
import { dialedLink, N2N_QUERY } from '../../transport/socket-io/socket-link.js';
import { exchangeHello } from './client-handshake.js';
import type { ResolvedN2NClientOptions } from '../n2n-client-options.js';
import { ServerSessions } from './server-sessions.js';
import type { ServerConnectionEvents } from './server-connection-events.js';

/**
 * - `idle`: there is no connection and no attempt; `hasFailed` if the attempts have failed
 * - `connecting`: an attempt is under way or scheduled; `hasFailed` after one has failed
 * - `handshaking`: an attempt has sent HELLO, with a resume request if there is a session
 * - `linked`: the session has a link
 * - `backoff`: the server has drained; the connection waits before it reconnects
 */
type State =
  | { readonly is: 'idle'; readonly hasFailed: boolean }
  | { readonly is: 'connecting'; readonly hasFailed: boolean }
  | { readonly is: 'handshaking'; readonly hasFailed: boolean }
  | { readonly is: 'linked' }
  | { readonly is: 'backoff'; readonly timer: TimerHandle };

/** The connection to one address: a session over the connections of a reconnect loop. */
export class ServerConnection implements Caller, BalancedConnection {
  /** The connection, as users see it. */
  readonly client: NodeClient;

  private readonly loop: ReconnectLoop<void>;
  private phase: State = { is: 'idle', hasFailed: false };
  /** Sessions outlive connections, and therefore most of the states. */
  private readonly sessions: ServerSessions;
  private lastError: N2NError | undefined;
  /** Whether there was a connection since the attempts began. Then a failure is a failed reconnect. */
  private hasConnected = false;

  /** @throws N2NError `INVALID_OPTIONS` */
  constructor(
    readonly url: string,
    private readonly options: ResolvedN2NClientOptions,
    private readonly events: ServerConnectionEvents<ServerConnection>,
  ) {
    const connection = connectionTo(addressOfUrl(url, undefined), options.connection, N2N_QUERY);
    this.sessions = new ServerSessions(addressLabel(connection.address), this, options, {
      onFault: (error) => events.onFault(error),
      onGoAway: () => events.onDraining(this),
      onDrained: (retryAfter) => this.onDrained(retryAfter),
      onClosed: (error, retryAfter) => this.onClosed(error, retryAfter),
      onMessagesLost: (count, error) => this.onMessagesLost(count, error),
    });
    this.loop = new ReconnectLoop<void>(connection, {
      handshake: (socket, signal) => this.handshake(socket, signal),
      // If the network recovers late in the resume window, one more attempt is still in time.
      delayLimit: () => this.sessions.timeLeft / 2,
      // A client that hosts handlers must stay connected: without a connection, the server cannot call it.
      neverGivesUp: () => this.sessions.isHosting,
    });
    this.loop.addListener({
      onConnected: () => this.onConnected(),
      onFailed: (error) => this.onFailed(error),
      onLost: () => this.onLost(),
      onStopped: (wasConnected) => this.onStopped(wasConnected),
    });
    this.client = new NodeClient(this.loop);
  }

  get state(): ConnectionState {
    const { phase } = this;
    switch (phase.is) {
      case 'idle':
        return phase.hasFailed ? 'failed' : 'idle';
      case 'connecting':
      case 'handshaking':
        return phase.hasFailed ? 'away' : 'connecting';
      case 'linked':
        return this.canCall ? 'ready' : 'draining';
      case 'backoff':
        return 'away';
      default:
        return phase satisfies never;
    }
  }

  /** Whether a call would be sent immediately. */
  get canCall(): boolean {
    // The session may not know yet that its link is lost.
    return this.phase.is === 'linked' && this.sessions.peer?.canCall === true;
  }

  /** Whether there is a session, with or without a link. */
  get hasSession(): boolean {
    return this.sessions.peer !== undefined;
  }

  /** Whether there is no connection and no attempt, now or scheduled. */
  get isIdle(): boolean {
    return this.phase.is === 'idle';
  }

  /** Connects, unless there is already a connection or an attempt. */
  connect(): void {
    const { phase: state } = this;
    if (state.is === 'backoff') this.options.clock.clearTimeout(state.timer);
    else if (state.is !== 'idle') return;
    this.phase = { is: 'connecting', hasFailed: false };
    this.loop.start(state.is === 'backoff');
  }

  /** Forgets that the attempts have failed. */
  reset(): void {
    if (this.phase.is === 'idle') this.phase = { is: 'idle', hasFailed: false };
  }

  /** Sets the listener that takes the calls of the server; undefined for none. */
  hostCalls(listener: CallListener | undefined): void {
    this.sessions.hostCalls(listener);
  }

  /** Only where `canCall`. */
  call(pattern: string, value: EncodedValue, sink: CallSink, terms: CallTerms): OutgoingCall {
    return this.peer.call(pattern, value, sink, terms);
  }

  /** Only where `canCall`. */
  emit(pattern: string, value: EncodedValue, _sink: CallSink, terms: CallTerms): undefined {
    this.peer.emit(pattern, value, terms.metadata);
  }

  /** Refuses new calls of the server. `onDrained` follows when no call is under way in either direction. */
  drain(): void {
    const { peer } = this.sessions;
    if (peer === undefined) return;
    if (this.phase.is === 'linked' || peer.isBusy || peer.undelivered > 0) peer.drain();
    else this.events.onDrained(this, 0);
  }

  /** Ends the session and the connection, or stops the attempts. Calls under way fail. */
  stop(error: N2NError): void {
    const { phase: state } = this;
    this.phase = { is: 'idle', hasFailed: false };
    this.hasConnected = false;
    if (state.is === 'backoff') this.options.clock.clearTimeout(state.timer);
    this.loop.stop(error, () => this.sessions.peer?.close(error));
  }

  /** Reconnects after a delay with jitter. @param retryAfter in milliseconds; 0 uses `reconnectionDelay` */
  backOff(retryAfter: number): void {
    const { clock, connection } = this.options;
    const delay = (retryAfter === 0 ? connection.reconnectionDelay : retryAfter) * (1 + connection.random());
    this.phase = { is: 'backoff', timer: clock.setTimeout(() => this.connect(), delay) };
  }

  private get hasFailed(): boolean {
    return 'hasFailed' in this.phase && this.phase.hasFailed;
  }

  private get peer(): Peer {
    const { peer } = this.sessions;
    if (peer === undefined) throw this.lastError ?? noConnection(this.url);
    return peer;
  }

  /** Exchanges HELLO, then resumes or begins the session over the new link. */
  private async handshake(socket: DialedSocket, signal: AbortSignal): Promise<void> {
    const link = dialedLink(socket);
    this.phase = { is: 'handshaking', hasFailed: this.hasFailed };
    const hello = await exchangeHello(link, this.url, this.sessions.resumeRequest, this.options, signal);
    signal.throwIfAborted();
    const attach = this.sessions.establish(link, hello, socket);
    this.phase = { is: 'linked' };
    this.lastError = undefined;
    this.hasConnected = true;
    attach();
  }

  private onConnected(): void {
    if (this.canCall) this.events.onOpen(this);
    else this.events.onDraining(this);
  }

  /** All calls have ended. The client ends the session, because it has opened the connection. */
  private onDrained(retryAfter: number): void {
    this.finish(new N2NError('CLOSED', 'The session has ended, with all of its calls.'), retryAfter);
  }

  private finish(error: N2NError, retryAfter: number): void {
    this.stop(error);
    // A callback may have called `connect` already.
    if (this.isIdle) this.events.onDrained(this, retryAfter);
  }

  private onClosed(error: N2NError, retryAfter: number | undefined): void {
    this.lastError = error;
    this.events.onOver(this);
    if (this.isIdle) return;
    // The server has closed before the calls under way had ended.
    if (retryAfter !== undefined) this.finish(error, retryAfter);
    else if (this.phase.is === 'handshaking') {
      // HELLO has requested this session. The next attempt requests a new one.
      this.phase = { is: 'connecting', hasFailed: false };
      this.loop.restart(error);
    }
  }

  private onMessagesLost(count: number, { message }: N2NError): void {
    const what = count === 1 ? 'An event or answer' : `${count} events and answers`;
    this.options.logger.warn(`${what} for ${this.url} may not have arrived. ${message}`);
  }

  private onLost(): void {
    if (this.phase.is === 'idle' || this.phase.is === 'backoff') return;
    this.phase = { is: 'connecting', hasFailed: false };
    this.events.onLost(this);
    // Without `reconnect`, no other event reports that no attempt follows.
    if (!this.loop.isReconnecting) this.onGivenUp();
  }

  /** The application may stop the `NodeClient`, too. A callback may have called `connect` already. */
  private onStopped(wasConnected: boolean): void {
    if (this.phase.is === 'idle' || this.phase.is === 'backoff' || !this.loop.isIdle) return;
    this.phase = { is: 'connecting', hasFailed: false };
    if (wasConnected) this.events.onLost(this);
    this.onGivenUp();
  }

  private onFailed(error: N2NError): void {
    this.phase = { is: 'connecting', hasFailed: true };
    this.lastError = error;
    if (error.code === 'VERSION_MISMATCH') {
      // Another attempt would fail with the same error.
      this.loop.stop();
    } else if (this.loop.isReconnecting) {
      this.events.onFailed(this, error);
    } else {
      if (this.hasConnected) this.lastError = reconnectFailed(this.url, error);
      this.onGivenUp();
    }
  }

  private onGivenUp(): void {
    if (this.isIdle) return;
    const error = this.lastError ?? noConnection(this.url);
    this.phase = { is: 'idle', hasFailed: true };
    this.hasConnected = false;
    // Before the calls fail: a call that is repeated connects again.
    this.events.onGivenUp(this, error);
    // A callback may have called `connect`: then the session may still be resumed.
    if (!this.isIdle) return;
    this.sessions.giveUp(error);
  }
}

function noConnection(url: string): N2NError {
  return new N2NError(
    'CONNECT_FAILED',
    `There is no connection to ${url}, and no attempt is under way. The next call connects.`,
  );
}

/** Wraps the error of the last attempt to reconnect. An error with a more specific code is returned as it is. */
function reconnectFailed(url: string, cause: N2NError): N2NError {
  if (cause.code !== 'CONNECT_FAILED') return cause;
  const message = `No attempt to reconnect to ${url} has succeeded. ${cause.message}`;
  return new N2NError('RECONNECT_FAILED', message, { cause });
}
