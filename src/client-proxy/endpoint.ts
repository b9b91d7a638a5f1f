import { atEndOfTurn, type TimerHandle } from '../clock.js';
import { N2NError } from '../n2n-error.js';
import type { CallSink, OutgoingCall } from '../peer/outgoing-call.js';
import type { IncomingCall } from '../peer/incoming-call.js';
import { Peer } from '../peer/peer.js';
import type { Hello, Ticket } from '../protocol/hello.js';
import type { EncodedValue } from '../protocol/value.js';
import type { CallListener, HostedConnection } from '../proxy/call-listener.js';
import type { Caller, CallTerms } from '../proxy/caller.js';
import { Handshake, refuseLink, sayHello } from '../session/handshake.js';
import type { Link } from '../session/link.js';
import { n2nParser } from '../transport/n2n-parser.js';
import type { GreetingEvents } from '../transport/greeting.js';
import { NodeClient } from '../transport/node-client.js';
import type { NodeClientError } from '../transport/node-client-events.js';
import type { DialledSocket } from '../transport/socket-io-server.js';
import { dialledLink } from '../transport/socket-link.js';
import type { ResolvedN2NClientOptions } from './n2n-client-options.js';

/** What becomes of an endpoint, for whoever chooses among several. */
export interface EndpointEvents {
  /** Calls can be made. */
  onOpen(endpoint: Endpoint): void;
  /** The connection is lost; the endpoint tries to come back. */
  onLost(endpoint: Endpoint): void;
  /** An attempt has failed. Others follow. */
  onFailed(endpoint: Endpoint, error: N2NError): void;
  /** An attempt has failed, or the connection is lost, and no attempt follows. */
  onGivenUp(endpoint: Endpoint, error: N2NError): void;
  /** The server takes no new calls, or this has come back to one that takes none; those under way go on. */
  onLeaving(endpoint: Endpoint): void;
  /** The last call under way has ended, after the server, or this side, has taken no new ones. */
  onDrained(endpoint: Endpoint, retryAfter: number): void;
  /** The session is over. */
  onOver(endpoint: Endpoint): void;
  /** See `PeerEvents.onFault`. */
  onFault(error: unknown): void;
}

/** How many bytes may wait for a connection that is full before calls are refused. */
const MAX_PENDING = 16 * 1024 * 1024;

/** How many calls of the server are refused at once where this side hosts no handlers. */
const MAX_IN_FLIGHT = 1024;

/**
 * - `idle`: nothing is connected or tried
 * - `connecting`: the client is at it, for the first time or again
 * - `greeting`: the connection is there, the server's HELLO is not
 * - `linked`: the session has its link
 * - `resting`: the server has sent its clients away, and is asked again when the time has passed
 */
type State =
  | { readonly is: 'idle' }
  | { readonly is: 'connecting' }
  | { readonly is: 'greeting'; readonly handshake: Handshake }
  | { readonly is: 'linked' }
  | { readonly is: 'resting'; readonly timer: TimerHandle };

/** The session with the server. It outlives its links, and so most of the states above. */
interface Live {
  readonly peer: Peer;
  /** Its connection, or the last that it had. */
  socket: DialledSocket;
  hosted: HostedConnection;
  /** With what to come back for the session; it is replaced at every return. */
  ticket: Ticket | undefined;
  /** When the server may be asked again, in milliseconds; undefined while it takes calls. */
  retryAfter: number | undefined;
}

/** One address that calls can go to, with its connection and its session. */
export class Endpoint implements Caller {
  /** The connection under the calls. */
  readonly client: NodeClient;

  private state: State = { is: 'idle' };
  private live: Live | undefined;
  private lastError: N2NError | undefined;
  private listener: CallListener | undefined;
  /** Whether there was a connection since the attempts began: then it is one that did not come back. */
  private hasConnected = false;

  /** @throws N2NError `INVALID_OPTIONS` */
  constructor(
    readonly url: string,
    private readonly options: ResolvedN2NClientOptions,
    private readonly events: EndpointEvents,
  ) {
    this.client = new NodeClient(url, { ...options.connection, parser: n2nParser });
    this.client.greetWith((socket, greeting) => this.greet(socket, greeting));
    this.client.on('connect', () => this.onConnect());
    this.client.on('disconnect', () => this.onDisconnect());
    this.client.on('error', (error) => this.onError(error));
  }

  /** Whether a call that is made now leaves now. */
  get canCall(): boolean {
    // The session may yet have to hear that its link has broken.
    return this.state.is === 'linked' && this.live?.peer.canCall === true;
  }

  /** Whether there is a session, with a link or on the way to its next one. */
  get hasSession(): boolean {
    return this.live !== undefined;
  }

  /** Whether nothing leads to a connection, now or later. */
  get isIdle(): boolean {
    return this.state.is === 'idle';
  }

  /** Begins to connect, where that has not begun. */
  connect(): void {
    const { state } = this;
    if (state.is === 'resting') this.options.clock.clearTimeout(state.timer);
    else if (state.is !== 'idle') return;
    this.state = { is: 'connecting' };
    this.client.connect();
  }

  /** Who takes the calls of the other side from now on; undefined for nobody. */
  hostCalls(listener: CallListener | undefined): void {
    this.listener = listener;
    const { live } = this;
    if (live === undefined) return;
    live.hosted.onEnded();
    live.hosted = this.hostedOver(live.socket);
    live.peer.serveAtMost(this.maxInFlight);
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
    const { live } = this;
    if (live === undefined) return;
    if (this.state.is === 'linked' || live.peer.isBusy) live.peer.drain();
    else this.events.onDrained(this, 0);
  }

  /** Ends the session, if there is one, and the connection, or the attempts at one. Calls under way fail. */
  stop(error: N2NError): void {
    const { state } = this;
    this.state = { is: 'idle' };
    this.hasConnected = false;
    if (state.is === 'resting') this.options.clock.clearTimeout(state.timer);
    if (state.is === 'greeting') state.handshake.cancel(error);
    this.live?.peer.close(error);
    this.client.disconnect();
  }

  /** Comes back when the time has passed, and not when everybody else does. @param retryAfter 0 for as it likes */
  rest(retryAfter: number): void {
    const { clock, random, reconnectionDelay } = this.options;
    const delay = (retryAfter === 0 ? reconnectionDelay : retryAfter) * (1 + random());
    this.state = { is: 'resting', timer: clock.setTimeout(() => this.connect(), delay) };
  }

  private get peer(): Peer {
    if (this.live === undefined) throw this.lastError ?? this.noConnection();
    return this.live.peer;
  }

  /** Says HELLO, and hears it: only then is there a connection. */
  private greet(socket: DialledSocket, events: GreetingEvents): void {
    const { maxPayload, helloTimeout, clock, codec, resumeWindow } = this.options;
    const link = dialledLink(socket);
    sayHello(link, { maxPayload, codec: codec.name, window: resumeWindow, resume: this.resumeRequest() });
    const handshake = new Handshake(link, { codec: codec.name, timeout: helloTimeout, clock });
    this.state = { is: 'greeting', handshake };
    handshake.begin({
      onHello: (hello) => {
        this.state = { is: 'connecting' };
        this.onHello(hello, link, socket, events);
      },
      onFailed: (error) => {
        this.state = { is: 'connecting' };
        events.onFailed(this.asRefusal(error));
      },
    });
  }

  private asRefusal(error: N2NError): N2NError {
    if (error.code !== 'CONNECTION_LOST') return error;
    const message = `Cannot connect to ${this.url}: the connection ended before HELLO. ${error.message}`;
    return new N2NError('CONNECT_FAILED', message, { cause: error });
  }

  private resumeRequest(): Hello['resume'] {
    const { live } = this;
    if (live?.ticket === undefined) return undefined;
    return { ...live.ticket, received: live.peer.received };
  }

  private onHello(hello: Hello, link: Link, socket: DialledSocket, events: GreetingEvents): void {
    const live = hello.received === undefined ? this.begin(hello, socket) : this.goOn(hello.received, socket);
    if (live === undefined) {
      const error = new N2NError('PROTOCOL_ERROR', 'The session cannot go on from where it shall.');
      refuseLink(link, error);
      events.onFailed(error);
      return;
    }
    live.ticket = hello.ticket;
    this.state = { is: 'linked' };
    this.lastError = undefined;
    this.hasConnected = true;
    live.peer.attach(link);
    events.onGreeted();
  }

  private onConnect(): void {
    if (this.canCall) this.events.onOpen(this);
    else this.events.onLeaving(this);
  }

  /** The server goes on with the session. @returns undefined where it has received what it was not sent */
  private goOn(received: number, socket: DialledSocket): Live | undefined {
    const { live } = this;
    if (live?.peer.canResumeFrom(received) !== true) {
      live?.peer.close(new N2NError('CONNECTION_LOST', 'The two sides do not agree on what was received.'));
      return undefined;
    }
    live.socket = socket;
    live.hosted.onMoved(socket);
    return live;
  }

  /** A session begins. One that was to go on is gone. */
  private begin(hello: Hello, socket: DialledSocket): Live {
    const former = this.live;
    this.live = undefined;
    former?.hosted.onEnded();
    former?.peer.close(
      new N2NError(
        'CONNECTION_LOST',
        'The connection was lost, and the server no longer has the session: it was started anew, or the client was ' +
          'away for too long. The call may have been handled or not; mark one that may be made twice as idempotent.',
      ),
    );
    const { maxPayload, maxReplay, clock, codec, resumeWindow } = this.options;
    const peer: Peer = new Peer(
      {
        onFault: (error) => this.events.onFault(error),
        onCall: (call) => live.hosted.onCall(call),
        onSuspended: () => {},
        onGoAway: (retryAfter) => {
          live.retryAfter = retryAfter;
          this.events.onLeaving(this);
        },
        onDrained: () => this.onDrained(peer),
        onClosed: (error) => this.onPeerClosed(peer, error),
      },
      {
        role: 'dialer',
        maxPayload,
        maxSend: hello.maxPayload,
        window: hello.ticket === undefined ? 0 : Math.min(resumeWindow, hello.window),
        maxReplay,
        maxInFlight: this.maxInFlight,
        codec,
        maxPending: MAX_PENDING,
        clock,
        defer: atEndOfTurn,
      },
    );
    const live: Live = {
      peer,
      socket,
      hosted: this.hostedOver(socket),
      ticket: undefined,
      retryAfter: undefined,
    };
    this.live = live;
    return live;
  }

  private hostedOver(socket: DialledSocket): HostedConnection {
    return this.listener?.onConnection(socket, this) ?? NO_HANDLERS;
  }

  private get maxInFlight(): number {
    return this.listener?.maxInFlight ?? MAX_IN_FLIGHT;
  }

  /** Everything that was under way has ended: the side that dialled is the one that ends the session. */
  private onDrained(peer: Peer): void {
    if (this.live?.peer !== peer) return;
    const { retryAfter = 0 } = this.live;
    this.leave(new N2NError('CLOSED', 'The session has ended, with all of its calls.'), retryAfter);
  }

  private leave(error: N2NError, retryAfter: number): void {
    this.stop(error);
    // Who was told of the end may have begun to connect anew.
    if (this.isIdle) this.events.onDrained(this, retryAfter);
  }

  private onPeerClosed(peer: Peer, error: N2NError): void {
    if (this.live?.peer !== peer) return;
    const { hosted, retryAfter } = this.live;
    this.live = undefined;
    this.lastError = error;
    hosted.onEnded();
    this.events.onOver(this);
    if (this.isIdle) return;
    // The server did not wait for the calls that were under way.
    if (retryAfter !== undefined) this.leave(error, retryAfter);
    else if (this.state.is === 'greeting') this.greetAnew(this.state.handshake, error);
  }

  /** The session that HELLO has asked for was over before the answer came. */
  private greetAnew(handshake: Handshake, error: N2NError): void {
    this.state = { is: 'connecting' };
    handshake.cancel(error);
    this.client.manualConnect();
  }

  private onDisconnect(): void {
    if (this.state.is === 'idle' || this.state.is === 'resting') return;
    this.state = { is: 'connecting' };
    this.events.onLost(this);
    // Without `reconnect`, nothing else tells that nothing follows.
    if (!this.client.reconnecting) this.onGivenUp();
  }

  private onError({ type, message, cause }: NodeClientError): void {
    this.lastError = N2NError.from(cause ?? message, 'CONNECT_FAILED', message);
    // NodeClient logs what nobody listens to, and this one here does.
    if (this.client.listenerCount('error') === 1) this.options.logger.error(message);
    // A connection that is lost is told of by `disconnect`, and comes back, where it does, to where its session is.
    if (type !== 'connect') return;
    // The other side cannot be talked to, however often the connection is made anew.
    if (this.lastError.code === 'VERSION_MISMATCH') this.client.disconnect();
    if (this.client.reconnecting) {
      this.events.onFailed(this, this.lastError);
      return;
    }
    if (this.hasConnected) this.lastError = this.asLoss(this.lastError);
    this.onGivenUp();
  }

  /** The failure of the last attempt to come back. One that tells why none can succeed stays as it is. */
  private asLoss(cause: N2NError): N2NError {
    if (cause.code !== 'CONNECT_FAILED') return cause;
    const message = `No attempt to reconnect to ${this.url} has succeeded. ${cause.message}`;
    return new N2NError('RECONNECT_FAILED', message, { cause });
  }

  private onGivenUp(): void {
    if (this.isIdle) return;
    const error = this.lastError ?? this.noConnection();
    this.state = { is: 'idle' };
    this.hasConnected = false;
    // Before the calls fail: those that are made again begin to connect anew.
    this.events.onGivenUp(this, error);
    // Who was told may have begun, too: then the session may still be gone on with.
    if (!this.isIdle) return;
    this.live?.peer.close(
      new N2NError('CONNECTION_LOST', `The connection was lost and did not come back: ${error.message}`, {
        cause: error,
      }),
    );
  }

  private noConnection(): N2NError {
    return new N2NError('CONNECT_FAILED', `There is no connection to ${this.url}.`);
  }
}

const NO_HANDLERS: HostedConnection = {
  onCall: (call: IncomingCall) =>
    call.fail(
      new N2NError('NO_HANDLER', 'This client hosts no handlers: give it to new N2NServer({ client }).'),
    ),
  onMoved() {},
  onEnded() {},
};
