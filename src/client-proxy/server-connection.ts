import type { BalancedConnection, ConnectionState } from '../balancing/balancer.js';
import type { TimerHandle } from '../clock.js';
import { N2NError } from '../n2n-error.js';
import type { CallSink, OutgoingCall } from '../rpc/outgoing/outgoing-call.js';
import type { Peer } from '../rpc/peer.js';
import type { Hello } from '../protocol/frames/hello.js';
import type { EncodedValue } from '../protocol/values/value.js';
import type { CallListener } from '../call/call-host.js';
import type { Caller, CallTerms } from '../call/caller.js';
import { refuseLink } from '../session/handshake.js';
import { ReconnectLoop } from '../transport/connection/reconnect-loop.js';
import { addressOfUrl } from '../transport/connection/server-address.js';
import { NodeClient } from '../transport/node-client/node-client.js';
import { connectionTo } from '../transport/node-client/node-client-options.js';
import type { DialedSocket } from '../transport/socket-io/socket-io-server.js';
import { dialedLink, N2N_QUERY } from '../transport/socket-io/socket-link.js';
import { exchangeHello } from './client-handshake.js';
import { ClientSession, type Hosting } from './client-session.js';
import type { ResolvedN2NClientOptions } from './n2n-client-options.js';
import type { ServerConnectionEvents } from './server-connection-events.js';

/**
 * - `idle`: nothing is connected or tried; `hasFailed` where the attempts were given up
 * - `connecting`: an attempt is under way or waited for, for the first time or again; `hasFailed` once one has failed
 * - `handshaking`: an attempt has said HELLO, and asked for the session where there is one
 * - `linked`: the session has its link
 * - `resting`: the server has sent its clients away, and is asked again when the time has passed
 */
type State =
  | { readonly is: 'idle'; readonly hasFailed: boolean }
  | { readonly is: 'connecting'; readonly hasFailed: boolean }
  | { readonly is: 'handshaking'; readonly hasFailed: boolean }
  | { readonly is: 'linked' }
  | { readonly is: 'resting'; readonly timer: TimerHandle };

/** One address that calls can go to: a session over the connections of a reconnect loop. */
export class ServerConnection implements Caller, BalancedConnection {
  /** The connection under the calls, for users. */
  readonly client: NodeClient;

  private readonly loop: ReconnectLoop<void>;
  private phase: State = { is: 'idle', hasFailed: false };
  /** It outlives its connections, and so most of the states. */
  private session: ClientSession | undefined;
  private lastError: N2NError | undefined;
  private listener: CallListener | undefined;
  /** Whether there was a connection since the attempts began: then it is one that did not come back. */
  private hasConnected = false;

  /** @throws N2NError `INVALID_OPTIONS` */
  constructor(
    readonly url: string,
    private readonly options: ResolvedN2NClientOptions,
    private readonly events: ServerConnectionEvents<ServerConnection>,
  ) {
    const connection = connectionTo(addressOfUrl(url, undefined), options.connection, N2N_QUERY);
    this.loop = new ReconnectLoop<void>(connection, {
      handshake: (socket, signal) => this.handshake(socket, signal),
      // However late in its window the network is back, another attempt comes in time.
      delayLimit: () => (this.session?.timeLeft ?? Infinity) / 2,
      // Nothing else connects a side that hosts handlers: the server cannot call it before that.
      neverGivesUp: () => this.listener !== undefined,
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
      case 'resting':
        return 'away';
      default:
        return phase satisfies never;
    }
  }

  /** Whether a call that is made now leaves now. */
  get canCall(): boolean {
    // The session may yet have to hear that its link has broken.
    return this.phase.is === 'linked' && this.session?.peer.canCall === true;
  }

  /** Whether there is a session, with a link or on the way to its next one. */
  get hasSession(): boolean {
    return this.session !== undefined;
  }

  /** Whether nothing leads to a connection, now or later. */
  get isIdle(): boolean {
    return this.phase.is === 'idle';
  }

  /** Begins to connect, where that has not begun. */
  connect(): void {
    const { phase: state } = this;
    if (state.is === 'resting') this.options.clock.clearTimeout(state.timer);
    else if (state.is !== 'idle') return;
    this.phase = { is: 'connecting', hasFailed: false };
    this.loop.start();
  }

  /** Forgets that the attempts were given up. */
  reset(): void {
    if (this.phase.is === 'idle') this.phase = { is: 'idle', hasFailed: false };
  }

  /** Who takes the calls of the other side from now on; undefined for nobody. */
  hostCalls(listener: CallListener | undefined): void {
    this.listener = listener;
    this.session?.hostBy(this.hosting);
  }

  /** Only where `canCall`. */
  call(pattern: string, value: EncodedValue, sink: CallSink, terms: CallTerms): OutgoingCall {
    return this.peer.call(pattern, value, sink, terms);
  }

  /** Only where `canCall`. */
  emit(pattern: string, value: EncodedValue, _sink: CallSink, terms: CallTerms): undefined {
    this.peer.emit(pattern, value, terms.metadata);
  }

  /** Takes no new calls of the server, and tells by `onDrained` when no call is under way in either direction. */
  drain(): void {
    const { session } = this;
    if (session === undefined) return;
    if (this.phase.is === 'linked' || session.peer.isBusy) session.peer.drain();
    else this.events.onDrained(this, 0);
  }

  /** Ends the session, if there is one, and the connection, or the attempts at one. Calls under way fail. */
  stop(error: N2NError): void {
    const { phase: state } = this;
    this.phase = { is: 'idle', hasFailed: false };
    this.hasConnected = false;
    if (state.is === 'resting') this.options.clock.clearTimeout(state.timer);
    this.loop.stop(error, () => this.session?.peer.close(error));
  }

  /** Comes back when the time has passed, and not when everybody else does. @param retryAfter 0 for as it likes */
  rest(retryAfter: number): void {
    const { clock, connection } = this.options;
    const delay = (retryAfter === 0 ? connection.reconnectionDelay : retryAfter) * (1 + connection.random());
    this.phase = { is: 'resting', timer: clock.setTimeout(() => this.connect(), delay) };
  }

  private get hasFailed(): boolean {
    return 'hasFailed' in this.phase && this.phase.hasFailed;
  }

  private get peer(): Peer {
    if (this.session === undefined) throw this.lastError ?? noConnection(this.url);
    return this.session.peer;
  }

  private get hosting(): Hosting {
    return { listener: this.listener, caller: this };
  }

  /** Exchanges HELLO, and has the session go on over the new link, or begin. */
  private async handshake(socket: DialedSocket, signal: AbortSignal): Promise<void> {
    const link = dialedLink(socket);
    this.phase = { is: 'handshaking', hasFailed: this.hasFailed };
    const hello = await exchangeHello(link, this.url, this.session?.resumeRequest, this.options, signal);
    signal.throwIfAborted();
    const session =
      hello.received === undefined ? this.begin(hello, socket) : this.goOn(hello.received, socket);
    if (session === undefined) {
      const error = new N2NError('PROTOCOL_ERROR', 'The session cannot go on from where it shall.');
      refuseLink(link, error);
      throw error;
    }
    this.phase = { is: 'linked' };
    this.lastError = undefined;
    this.hasConnected = true;
    session.attach(link, hello.ticket);
  }

  private onConnected(): void {
    if (this.canCall) this.events.onOpen(this);
    else this.events.onLeaving(this);
  }

  /** The server goes on with the session. @returns undefined where it has received what it was not sent */
  private goOn(received: number, socket: DialedSocket): ClientSession | undefined {
    const { session } = this;
    if (session?.peer.canResumeFrom(received) !== true) {
      session?.peer.close(
        new N2NError('CONNECTION_LOST', 'The two sides do not agree on what was received.'),
      );
      return undefined;
    }
    session.moveTo(socket);
    return session;
  }

  /** A session begins. One that was to go on is gone. */
  private begin(hello: Hello, socket: DialedSocket): ClientSession {
    const former = this.session;
    this.session = undefined;
    former?.peer.close(
      new N2NError(
        'CONNECTION_LOST',
        'The connection was lost, and the server no longer has the session: it was started anew, or the client was ' +
          'away for too long. The call may have been handled or not; mark one that may be made twice as idempotent.',
      ),
    );
    const { label } = this.loop;
    const session: ClientSession = new ClientSession(label, socket, hello, this.options, this.hosting, {
      onFault: (error) => this.events.onFault(error),
      onGoAway: () => this.events.onLeaving(this),
      onDrained: () => this.onDrained(session),
      onClosed: (error) => this.onClosed(session, error),
    });
    this.session = session;
    return session;
  }

  /** Everything that was under way has ended: the side that dialed is the one that ends the session. */
  private onDrained(session: ClientSession): void {
    if (this.session !== session) return;
    const { retryAfter = 0 } = session;
    this.leave(new N2NError('CLOSED', 'The session has ended, with all of its calls.'), retryAfter);
  }

  private leave(error: N2NError, retryAfter: number): void {
    this.stop(error);
    // Who was told of the end may have begun to connect anew.
    if (this.isIdle) this.events.onDrained(this, retryAfter);
  }

  private onClosed(session: ClientSession, error: N2NError): void {
    if (this.session !== session) return;
    const { retryAfter } = session;
    this.session = undefined;
    this.lastError = error;
    this.events.onOver(this);
    if (this.isIdle) return;
    // The server did not wait for the calls that were under way.
    if (retryAfter !== undefined) this.leave(error, retryAfter);
    else if (this.phase.is === 'handshaking') {
      // HELLO has asked for this session: the next attempt asks for a new one.
      this.phase = { is: 'connecting', hasFailed: false };
      this.loop.restart(error);
    }
  }

  private onLost(): void {
    if (this.phase.is === 'idle' || this.phase.is === 'resting') return;
    this.phase = { is: 'connecting', hasFailed: false };
    this.events.onLost(this);
    // Without `reconnect`, nothing else tells that nothing follows.
    if (!this.loop.isReconnecting) this.onGivenUp();
  }

  /** A user may stop the `NodeClient`, too. Who was told of the end may have begun to connect anew. */
  private onStopped(wasConnected: boolean): void {
    if (this.phase.is === 'idle' || this.phase.is === 'resting' || !this.loop.isIdle) return;
    this.phase = { is: 'connecting', hasFailed: false };
    if (wasConnected) this.events.onLost(this);
    this.onGivenUp();
  }

  private onFailed(error: N2NError): void {
    this.phase = { is: 'connecting', hasFailed: true };
    this.lastError = error;
    if (error.code === 'VERSION_MISMATCH') {
      // The other side cannot be talked to, however often the connection is made anew.
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
    // Before the calls fail: those that are made again begin to connect anew.
    this.events.onGivenUp(this, error);
    // Who was told may have begun, too: then the session may still be gone on with.
    if (!this.isIdle) return;
    this.session?.peer.close(
      new N2NError('CONNECTION_LOST', `The connection was lost and did not come back: ${error.message}`, {
        cause: error,
      }),
    );
  }
}

function noConnection(url: string): N2NError {
  return new N2NError('CONNECT_FAILED', `There is no connection to ${url}.`);
}

/** The failure of the last attempt to come back. One that tells why none can succeed stays as it is. */
function reconnectFailed(url: string, cause: N2NError): N2NError {
  if (cause.code !== 'CONNECT_FAILED') return cause;
  const message = `No attempt to reconnect to ${url} has succeeded. ${cause.message}`;
  return new N2NError('RECONNECT_FAILED', message, { cause });
}
