import { randomBytes } from 'node:crypto';
import { publishError } from '../../diagnostics.js';
import { N2NError } from '../../n2n-error.js';
import { MAX_SUSPENDED_SESSIONS } from '../../limits.js';
import type { Hello } from '../../protocol/frames/hello.js';
import type { Report } from '../../call/caller.js';
import { Handshake, refuseLink, sayHello } from '../../session/handshake.js';
import type { Link } from '../../session/link.js';
import { SessionTickets } from '../../session/session-tickets.js';
import type { SocketIoSocket } from '../../transport/socket-io/socket-io-server.js';
import type { TakeCall } from '../handler-host.js';
import type { ReportError } from '../handlers/handler-error.js';
import type { ResolvedN2NServerOptions } from '../n2n-server-options.js';
import type { PeerClient, PeerRegistry } from '../peer-client.js';
import { AcceptedSession } from './accepted-session.js';

export interface SessionAcceptorEvents {
  readonly takeCall: TakeCall;
  readonly report: ReportError;
  /** Told of events to a client that were lost. */
  readonly reportLost: Report;
  readonly warn: (message: string) => void;
  /** A session is over, and so are the handlers of its events. */
  onOver(): void;
}

/** Answers the HELLO of N2N clients: each begins a session, or resumes one that had lost its connection. */
export class SessionAcceptor {
  /** Those that are not over, and those whose events are still being handled. */
  private readonly sessions = new Set<AcceptedSession>();
  /** Those whose clients are away, in the order in which they went. */
  private readonly suspended = new Set<AcceptedSession>();
  private readonly tickets = new SessionTickets<AcceptedSession>(randomBytes);
  private isDraining = false;

  constructor(
    private readonly options: ResolvedN2NServerOptions,
    private readonly peers: PeerRegistry,
    private readonly events: SessionAcceptorEvents,
  ) {}

  /** How many sessions there are, those included whose events are still being handled. */
  get size(): number {
    return this.sessions.size;
  }

  /** Sessions begin again, after `drain`. */
  open(): void {
    this.isDraining = false;
  }

  /** Waits for the HELLO of a client that has connected. It is a peer already, which is called with plain events until then. */
  accept(link: Link, socket: SocketIoSocket, client: PeerClient): void {
    const { handshakeTimeout, clock, codec } = this.options;
    const leave = (): void => this.peers.remove(client);
    this.peers.add(client);
    socket.once('disconnect', leave);
    new Handshake(link, { codec: codec.name, timeout: handshakeTimeout, clock }).begin({
      onHello: (hello) => {
        // It is a peer again with its session, for as long as that lives.
        socket.off('disconnect', leave);
        leave();
        this.onHello(hello, link, socket, client);
      },
      onFailed: (error) => {
        publishError(undefined, error);
        this.warnOf(error);
      },
    });
  }

  /** Begins no session any more, and lets the calls under way end. A client that is away and has none is not waited for. */
  drain(): void {
    this.isDraining = true;
    for (const session of this.sessions) {
      if (this.suspended.has(session) && !session.peer.isBusy) session.peer.close(serverClosed());
      else session.peer.drain(this.options.retryAfter);
    }
  }

  /** Ends all sessions. */
  closeAll(): void {
    for (const { peer } of this.sessions) peer.close(serverClosed());
  }

  private onHello(hello: Hello, link: Link, socket: SocketIoSocket, client: PeerClient): void {
    const { resume } = hello;
    const session = resume === undefined ? undefined : this.tickets.find(resume, client.identity);
    if (resume !== undefined && session?.canResume(resume) === true) {
      this.suspended.delete(session);
      session.moveTo(socket);
      client.speakAs(session.client);
      this.answer(link, { ticket: this.tickets.renew(resume), received: session.received });
      session.peer.attach(link);
      return;
    }
    if (this.isDraining) {
      refuseLink(
        link,
        new N2NError('DRAINING', 'This server is about to close. Connect to another, or later.'),
      );
      return;
    }
    // Whose session cannot be resumed: what is left of it is for nobody.
    session?.peer.close(new N2NError('CONNECTION_LOST', 'The client has missed more than is kept.'));
    this.begin(hello, link, client);
  }

  private begin(hello: Hello, link: Link, client: PeerClient): void {
    const { takeCall, report, reportLost } = this.events;
    const session: AcceptedSession = new AcceptedSession(client, hello, this.options, {
      takeCall,
      report,
      reportLost,
      onSuspended: () => this.onSuspended(session),
      onClosed: (error) => {
        if (ticket !== undefined) this.tickets.drop(ticket);
        this.onClosed(session, error);
      },
    });
    const ticket = session.isResumable ? this.tickets.issue(session, client.identity) : undefined;
    this.sessions.add(session);
    this.peers.add(client);
    this.answer(link, { ticket });
    session.peer.attach(link);
  }

  private answer(link: Link, { ticket, received }: Pick<Hello, 'ticket' | 'received'>): void {
    const { maxPayload, codec, resumeWindow } = this.options;
    sayHello(link, { maxPayload, codec: codec.name, window: resumeWindow, ticket, received });
  }

  private onSuspended(session: AcceptedSession): void {
    if (this.isDraining && !session.peer.isBusy) {
      // Its client would come back for nothing.
      session.peer.close(serverClosed());
      return;
    }
    this.suspended.add(session);
    const [longest] = this.suspended;
    if (this.suspended.size > MAX_SUSPENDED_SESSIONS) {
      longest.peer.close(new N2NError('CONNECTION_LOST', 'Too many clients that were lost may come back.'));
    }
  }

  private onClosed(session: AcceptedSession, error: N2NError): void {
    this.suspended.delete(session);
    this.peers.remove(session.client);
    this.warnOf(error);
    session.peer.whenEventsServed(() => {
      this.sessions.delete(session);
      this.events.onOver();
    });
  }

  private warnOf(error: N2NError): void {
    if (error.code !== 'CONNECTION_LOST' && error.code !== 'CLOSED') this.events.warn(error.message);
  }
}

function serverClosed(): N2NError {
  return new N2NError('CONNECTION_LOST', 'The server was closed.');
}
