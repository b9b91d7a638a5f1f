import { randomBytes } from 'node:crypto';
import { publishError } from '../../diagnostics.js';
import { N2NError } from '../../n2n-error.js';
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
import { AwaySessions, serverClosed } from './away-sessions.js';

export interface SessionAcceptorEvents {
  readonly takeCall: TakeCall;
  readonly report: ReportError;
  /** Reports events to a client that are lost. */
  readonly reportLost: Report;
  readonly warn: (message: string) => void;
  /** A session has ended, and so have its handlers. */
  onOver(): void;
}

/** Answers the HELLO of N2N clients: each HELLO begins a session, or resumes one that has lost its connection. */
export class SessionAcceptor {
  /** The open sessions, and ended sessions whose handlers still run. */
  private readonly sessions = new Set<AcceptedSession>();
  private readonly away: AwaySessions;
  private readonly tickets = new SessionTickets<AcceptedSession>(randomBytes);

  constructor(
    private readonly options: ResolvedN2NServerOptions,
    private readonly peers: PeerRegistry,
    private readonly events: SessionAcceptorEvents,
  ) {
    this.away = new AwaySessions(options.clock);
  }

  /** Whether a disconnected client, or one whose connection this side has destroyed, has calls or pending messages. */
  get hasBusyAway(): boolean {
    return [...this.sessions].some(
      (session) => session.isBusy && (this.away.has(session) || session.hasDestroyedSocket),
    );
  }

  /** The number of sessions, including ended sessions whose handlers still run. */
  get size(): number {
    return this.sessions.size;
  }

  /** Accepts new sessions again, after `drain`. */
  open(): void {
    this.away.open();
  }

  /** Waits for the HELLO of a new connection. Until then, the client is a peer that is called with plain events. */
  accept(link: Link, socket: SocketIoSocket, client: PeerClient): void {
    const { handshakeTimeout, clock, codec } = this.options;
    const removePeer = (): void => this.peers.remove(client);
    this.peers.add(client);
    socket.once('disconnect', removePeer);
    new Handshake(link, { codec: codec.name, timeout: handshakeTimeout, clock }).begin({
      onHello: (hello) => {
        // With its session, it becomes a peer again.
        socket.off('disconnect', removePeer);
        removePeer();
        this.onHello(hello, link, socket, client);
      },
      onFailed: (error) => {
        publishError(undefined, error);
        this.warnOf(error);
      },
    });
  }

  /**
   * Refuses new sessions, and waits for the calls under way. It does not wait for disconnected clients without calls.
   * @param canConnect whether a disconnected client can reconnect
   */
  drain(canConnect: () => boolean): void {
    this.away.close(canConnect);
    // Disconnected clients get GOAWAY when they reconnect.
    for (const session of this.sessions)
      if (!this.away.has(session)) session.peer.drain(this.options.retryAfter);
  }

  /** Ends all sessions. */
  closeAll(): void {
    for (const { peer } of this.sessions) peer.close(serverClosed());
  }

  private onHello(hello: Hello, link: Link, socket: SocketIoSocket, client: PeerClient): void {
    const { resume } = hello;
    const session = resume === undefined ? undefined : this.tickets.find(resume, client.identity);
    if (resume !== undefined && session?.canResume(resume) === true) {
      this.away.delete(session);
      session.moveTo(socket);
      client.resumeAs(session.client);
      this.answer(link, { ticket: this.tickets.renew(resume), received: session.received });
      session.peer.attach(link);
      if (this.away.isClosing) session.peer.drain(this.options.retryAfter);
      return;
    }
    if (this.away.isClosing) {
      refuseLink(
        link,
        new N2NError('DRAINING', 'The server is draining. Connect to another server, or retry later.'),
      );
      return;
    }
    // The session cannot be resumed, so it ends.
    session?.peer.close(
      new N2NError('CONNECTION_LOST', 'The client has missed more data than the server keeps.'),
    );
    this.begin(hello, link, client);
  }

  private begin(hello: Hello, link: Link, client: PeerClient): void {
    const { takeCall, report, reportLost, warn } = this.events;
    const session: AcceptedSession = new AcceptedSession(client, hello, this.options, {
      takeCall,
      report,
      reportLost,
      warn,
      onSuspended: () => this.away.add(session),
      onClosed: (error, lost) => {
        if (ticket !== undefined) this.tickets.drop(ticket);
        this.onClosed(session, error, lost);
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

  private onClosed(session: AcceptedSession, error: N2NError, lost: number): void {
    this.away.delete(session);
    this.peers.remove(session.client);
    this.warnOf(error);
    if (lost > 0 && this.away.isClosing) this.warnOfLost(lost, error);
    session.peer.whenServed(() => {
      this.sessions.delete(session);
      this.events.onOver();
    });
  }

  private warnOfLost(count: number, { message }: N2NError): void {
    const what = count === 1 ? 'An answer or event' : `${count} answers and events`;
    this.events.warn(`${what} may not have arrived: the server is closing. ${message}`);
  }

  private warnOf(error: N2NError): void {
    if (error.code !== 'CONNECTION_LOST' && error.code !== 'CLOSED') this.events.warn(error.message);
  }
}
