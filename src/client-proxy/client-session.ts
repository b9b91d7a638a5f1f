import type { LiveSessionInfo } from '../diagnostics.js';
import { atEndOfTurn, type Clock } from '../clock.js';
import { N2NError } from '../n2n-error.js';
import { DEFAULT_MAX_IN_FLIGHT, MAX_PENDING_BYTES } from '../limits.js';
import type { IncomingCall } from '../rpc/incoming/incoming-call.js';
import { Peer } from '../rpc/peer.js';
import type { Hello, Ticket } from '../protocol/frames/hello.js';
import type { CallListener, HostedConnection } from '../call/call-host.js';
import type { Caller } from '../call/caller.js';
import type { Link } from '../session/link.js';
import type { DialedSocket } from '../transport/socket-io/socket-io-server.js';
import type { ResolvedN2NClientOptions } from './n2n-client-options.js';

/** Who takes the calls of the server, and what they call it with. */
export interface Hosting {
  /** Undefined for nobody. */
  readonly listener: CallListener | undefined;
  readonly caller: Caller;
}

export interface ClientSessionEvents {
  /** See `PeerEvents.onFault`: of calls that nobody here takes. */
  onFault(error: unknown): void;
  /** The server takes no new calls. */
  onGoAway(): void;
  /** See `PeerEvents.onDrained`. */
  onDrained(): void;
  /** @param lost see `PeerEvents.onClosed` */
  onClosed(error: N2NError, lost: number): void;
}

/** The session with the server, whichever connection it goes over at present. */
export class ClientSession {
  readonly peer: Peer;
  /** When the server may be asked again, in milliseconds; undefined while it takes calls. */
  retryAfter: number | undefined;
  private readonly clock: Clock;
  private readonly nobody: HostedConnection;
  private hosted: HostedConnection;
  private readonly info: LiveSessionInfo;
  /** With what to come back for it; it is replaced at every return. */
  private ticket: Ticket | undefined;
  /** How long it can be gone on with without a connection, in milliseconds. */
  readonly window: number;
  /** Until when it can be gone on with, by the clock; Infinity while it has its connection. */
  private resumableUntil = Infinity;

  /**
   * @param address that of the server
   * @param socket its connection; when that is lost, the last that it had
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
    this.nobody = { ...NO_HANDLERS, onFault: (error) => events.onFault(error) };
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
    this.hosted = this.hostedBy(hosting);
  }

  /** How long it can be gone on with, in milliseconds; Infinity while it has its connection. */
  get timeLeft(): number {
    return this.resumableUntil - this.clock.now();
  }

  /** How long it has been without a connection, in milliseconds; negative while it has one. */
  get awayFor(): number {
    return this.window - this.timeLeft;
  }

  /** What to say in HELLO to go on with it; undefined where the server does not keep it. */
  get resumeRequest(): Hello['resume'] {
    return this.ticket && { ...this.ticket, received: this.peer.received };
  }

  /** Somebody else takes the calls of the server from now on. */
  hostBy(hosting: Hosting): void {
    this.hosted.onEnded();
    this.hosted = this.hostedBy(hosting);
    this.peer.serveAtMost(maxInFlightOf(hosting));
  }

  /** It is about to go on over another connection. */
  moveTo(socket: DialedSocket): void {
    this.socket = socket;
    this.info.connection = socket.id ?? '';
    this.hosted.onMoved(socket);
  }

  /** Goes on over this link, or begins. @param ticket with what to come back the next time */
  attach(link: Link, ticket: Ticket | undefined): void {
    this.ticket = ticket;
    this.resumableUntil = Infinity;
    this.peer.attach(link);
  }

  private hostedBy({ listener, caller }: Hosting): HostedConnection {
    return listener?.onConnection(this.socket, caller, this.info) ?? this.nobody;
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
