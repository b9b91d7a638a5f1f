import type { LiveSessionInfo } from '../../diagnostics.js';
import { atEndOfTurn, type Clock } from '../../clock.js';
import { N2NError } from '../../n2n-error.js';
import { DEFAULT_MAX_IN_FLIGHT, MAX_PENDING_BYTES } from '../../limits.js';
import type { IncomingCall } from '../../rpc/incoming/incoming-call.js';
import { Peer } from '../../rpc/peer.js';
import type { Hello, Ticket } from '../../protocol/frames/hello.js';
import type { CallListener, HostedConnection } from '../../call/call-host.js';
import type { Caller } from '../../call/caller.js';
import type { Link } from '../../session/link.js';
import type { DialedSocket } from '../../transport/socket-io/socket-io-server.js';
import type { ResolvedN2NClientOptions } from '../n2n-client-options.js';

/** The listener that takes the calls of the server, and the caller that its handlers use. */
export interface Hosting {
  /** Undefined if this side hosts no handlers. */
  readonly listener: CallListener | undefined;
  readonly caller: Caller;
}

export interface ClientSessionEvents {
  /** See `PeerEvents.onFault`. Called for faults while no handlers are hosted. */
  onFault(error: unknown): void;
  /** The server takes no new calls. */
  onGoAway(): void;
  /** See `PeerEvents.onDrained`. */
  onDrained(): void;
  /** @param lost see `PeerEvents.onClosed` */
  onClosed(error: N2NError, lost: number): void;
}

/** The session with the server. It survives its connections. */
export class ClientSession {
  readonly peer: Peer;
  /** The delay that the server asks for before a reconnect, in milliseconds; undefined while it takes calls. */
  retryAfter: number | undefined;
  private readonly clock: Clock;
  private readonly noHandlers: HostedConnection;
  private hosted: HostedConnection;
  private readonly info: LiveSessionInfo;
  /** The ticket of the next resume. Each resume replaces it. */
  private ticket: Ticket | undefined;
  /** How long the session can be resumed after its connection is lost, in milliseconds. */
  readonly window: number;
  /** When the session can no longer be resumed, by the clock; Infinity while it is connected. */
  private resumableUntil = Infinity;

  /**
   * @param address the address of the server
   * @param socket the current connection, or the last one
   */
  constructor(
    address: string,
    private socket: DialedSocket,
    hello: Hello,
    options: ResolvedN2NClientOptions,
    hosting: Hosting,
    events: ClientSessionEvents,
  ) {
    const { maxPayload, maxReplay, clock, codec, resumeWindow } = options;
    const window = hello.ticket === undefined ? 0 : Math.min(resumeWindow, hello.window);
    this.clock = clock;
    this.noHandlers = { ...NO_HANDLERS, onFault: (error) => events.onFault(error) };
    const id = socket.id ?? '';
    this.info = { id, role: 'dialer', connection: id, address, window };
    this.window = window;
    this.peer = new Peer(
      {
        onFault: (error) => this.hosted.onFault(error),
        warn: (message) => options.logger.warn(message),
        onCall: (call) => this.hosted.onCall(call),
        onSuspended: () => {
          this.resumableUntil = clock.now() + window;
        },
        onGoAway: (retryAfter) => {
          this.retryAfter = retryAfter;
          events.onGoAway();
        },
        onDrained: () => events.onDrained(),
        onClosed: (error, lost) => {
          this.hosted.onEnded();
          events.onClosed(error, lost);
        },
      },
      {
        role: 'dialer',
        info: this.info,
        otherSide: address,
        maxPayload,
        maxSend: hello.maxPayload,
        window,
        maxReplay,
        maxInFlight: maxInFlightOf(hosting),
        codec,
        maxPending: MAX_PENDING_BYTES,
        clock,
        defer: atEndOfTurn,
      },
    );
    this.hosted = this.connectHost(hosting);
  }

  /** How long the session can still be resumed, in milliseconds; Infinity while it is connected. */
  get timeLeft(): number {
    return this.resumableUntil - this.clock.now();
  }

  /** How long the session has been without a connection, in milliseconds; negative while it is connected. */
  get awayFor(): number {
    return this.window - this.timeLeft;
  }

  /** The resume request for HELLO; undefined if the server does not keep the session. */
  get resumeRequest(): Hello['resume'] {
    return this.ticket && { ...this.ticket, received: this.peer.received };
  }

  /** Changes the listener that takes the calls of the server. */
  setHosting(hosting: Hosting): void {
    this.hosted.onEnded();
    this.hosted = this.connectHost(hosting);
    this.peer.serveAtMost(maxInFlightOf(hosting));
  }

  /** The session is about to be resumed over another connection. */
  moveTo(socket: DialedSocket): void {
    this.socket = socket;
    this.info.connection = socket.id ?? '';
    this.hosted.onMoved(socket);
  }

  /** Begins or resumes the session over this link. @param ticket the ticket of the next resume */
  attach(link: Link, ticket: Ticket | undefined): void {
    this.ticket = ticket;
    this.resumableUntil = Infinity;
    this.peer.attach(link);
  }

  private connectHost({ listener, caller }: Hosting): HostedConnection {
    return listener?.onConnection(this.socket, caller, this.info) ?? this.noHandlers;
  }
}

function maxInFlightOf({ listener }: Hosting): number {
  return listener?.maxInFlight ?? DEFAULT_MAX_IN_FLIGHT;
}

const NO_HANDLERS: Omit<HostedConnection, 'onFault'> = {
  onCall: (call: IncomingCall) =>
    call.fail(
      new N2NError('NO_HANDLER', 'This client hosts no handlers: give it to new N2NServer({ client }).'),
    ),
  onMoved() {},
  onEnded() {},
};
