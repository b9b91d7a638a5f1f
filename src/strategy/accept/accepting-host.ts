import { randomBytes } from 'node:crypto';
import type { LoggerService } from '@nestjs/common';
import { N2NError, messageOf } from '../../n2n-error.js';
import type { IncomingCall } from '../../rpc/incoming/incoming-call.js';
import { jsonCodec } from '../../protocol/values/codec.js';
import type { Hello } from '../../protocol/frames/hello.js';
import { Drain } from '../../call/drain.js';
import { Handshake, refuseLink, sayHello } from '../../session/handshake.js';
import type { Link } from '../../session/link.js';
import { SessionTickets } from '../../session/session-tickets.js';
import { createHttpListener } from '../../transport/http/http-listener.js';
import { n2nParser } from '../../transport/socket-io/n2n-parser.js';
import {
  createSocketIoServer,
  type AttachableServer,
  type SocketIoServer,
  type SocketIoSocket,
} from '../../transport/socket-io/socket-io-server.js';
import { acceptLink } from '../../transport/socket-io/socket-link.js';
import { AcceptedSession, type AcceptedConnection } from './accepted-session.js';
import { AwaySessions, serverClosed } from './away-sessions.js';
import type { HandlerHost, HostStatus, TakeCall } from '../handler-host.js';
import type { ReportError } from '../handlers/handler-error.js';
import type { ResolvedN2NServerOptions } from '../n2n-server-options.js';
import { PeerClient, PeerRegistry } from '../peer-client.js';
import { Rooms } from '../rooms.js';
import { StockOutbound } from '../stock/stock-outbound.js';
import { takeEvents, type TakenEvents } from '../stock/stock-inbound.js';

/** Takes calls from clients that connect: from N2N clients in chunks, from stock Socket.IO clients as events. */
export class AcceptingHost implements HandlerHost {
  readonly peers = new PeerRegistry();
  /** Those that are not over, and those whose events are still being handled. */
  private readonly sessions = new Set<AcceptedSession>();
  /** What stock clients send. */
  private readonly stockEvents = new Set<TakenEvents>();
  /** Those whose clients are away. */
  private readonly away: AwaySessions;
  private readonly tickets = new SessionTickets<AcceptedSession>(randomBytes);
  private readonly socketIo: AttachableServer;
  private stop: (() => Promise<void>) | undefined;
  /** Whether a client that is away can come back. */
  private canConnect: () => boolean = () => false;
  /** Undefined while new calls are taken. */
  private draining: Drain | undefined;

  constructor(
    private readonly options: ResolvedN2NServerOptions,
    private readonly takeCall: TakeCall,
    private readonly report: ReportError,
    private readonly logger: LoggerService,
  ) {
    this.socketIo = createSocketIoServer({ ...options.socketIo, parser: n2nParser }, logger);
    this.socketIo.io.on('connection', (socket) => this.onConnection(socket));
    this.away = new AwaySessions(options.clock);
  }

  async listen(onStatus: (status: HostStatus) => void): Promise<void> {
    const { target } = this.options;
    const listener = createHttpListener(target, () => {
      const hasBusyAway = this.hasBusyAway;
      const ended = this.drain().then(() => this.disconnectAll(detach));
      return hasBusyAway ? ended : undefined;
    });
    this.canConnect = () => listener.server.listening;
    const detach = this.socketIo.attach(listener.server);
    if (target.kind !== 'shared') this.socketIo.io.httpServer = listener.server;
    this.stop = async () => {
      await this.drain();
      this.disconnectAll(detach);
      await listener.close();
      this.draining = undefined;
      this.away.open();
    };
    try {
      await listener.listen();
      onStatus('connected');
    } catch (error) {
      detach();
      throw error;
    }
  }

  async close(): Promise<void> {
    const { stop } = this;
    this.stop = undefined;
    await stop?.();
  }

  unwrap(): SocketIoServer {
    return this.socketIo.io;
  }

  server(): SocketIoServer {
    return this.socketIo.io;
  }

  on(event: string, listener: (...args: unknown[]) => void): void {
    this.socketIo.io.on(event, listener);
  }

  private onConnection(socket: SocketIoSocket): void {
    const { maxInFlight, clock, timeout } = this.options;
    const report = (message: string, error: unknown): void =>
      this.logger.error(`${message}: ${messageOf(error)}`);
    const caller = new StockOutbound(socket);
    const defaults = { caller, codec: jsonCodec, timeout, report };
    const client = new PeerClient(socket.id, socket, defaults, () => socket.disconnect(true));
    this.peers.add(client);
    const rooms = new Rooms(socket, this.report);
    const connection: AcceptedConnection = { peer: client, rooms, now: () => clock.now() };
    const onCall = (call: IncomingCall): void => this.takeCall(call, connection);
    const events = takeEvents(socket, maxInFlight, clock, onCall, this.report);
    this.stockEvents.add(events);
    const leave = (): void => {
      this.peers.remove(client);
      this.stockEvents.delete(events);
    };
    socket.once('disconnect', leave);
    acceptLink(socket, (link) => {
      // It speaks in chunks: it is no stock client. It is a peer again with its session, for as long as that lives.
      events.release();
      caller.release();
      socket.off('disconnect', leave);
      leave();
      this.greet(link, socket, connection);
    });
  }

  private greet(link: Link, socket: SocketIoSocket, connection: AcceptedConnection): void {
    const { handshakeTimeout, clock, codec } = this.options;
    new Handshake(link, { codec: codec.name, timeout: handshakeTimeout, clock }).begin({
      onHello: (hello) => this.onHello(hello, link, socket, connection),
      onFailed: (error) => this.warnOf(error),
    });
  }

  private onHello(hello: Hello, link: Link, socket: SocketIoSocket, connection: AcceptedConnection): void {
    const { resume } = hello;
    const { peer: client } = connection;
    const session = resume === undefined ? undefined : this.tickets.find(resume, client.identity);
    if (resume !== undefined && session?.canResume(resume) === true) {
      this.away.delete(session);
      session.moveTo(socket);
      client.speakAs(session.client);
      this.answer(link, { ticket: this.tickets.renew(resume), received: session.received });
      session.peer.attach(link);
      if (this.draining !== undefined) session.peer.drain(this.options.retryAfter);
      return;
    }
    if (this.draining !== undefined) {
      refuseLink(
        link,
        new N2NError('DRAINING', 'This server is about to close. Connect to another, or later.'),
      );
      return;
    }
    // Whose session cannot be gone on with: what is left of it is for nobody.
    session?.peer.close(new N2NError('CONNECTION_LOST', 'The client has missed more than is kept.'));
    this.begin(hello, link, connection);
  }

  private begin(hello: Hello, link: Link, connection: AcceptedConnection): void {
    const session: AcceptedSession = new AcceptedSession(connection, hello, this.options, {
      takeCall: this.takeCall,
      report: this.report,
      warn: (message) => this.logger.warn(message),
      onSuspended: () => this.away.add(session),
      onClosed: (error, lost) => {
        if (ticket !== undefined) this.tickets.drop(ticket);
        this.onClosed(session, error, lost);
      },
    });
    const ticket = session.isResumable ? this.tickets.issue(session, session.client.identity) : undefined;
    this.sessions.add(session);
    this.peers.add(session.client);
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
    if (lost > 0 && this.draining !== undefined) this.warnOfLost(lost, error);
    session.peer.whenServed(() => {
      this.sessions.delete(session);
      this.draining?.check();
    });
  }

  private warnOf(error: N2NError): void {
    if (error.code !== 'CONNECTION_LOST' && error.code !== 'CLOSED') this.logger.warn(error.message);
  }

  private warnOfLost(count: number, { message }: N2NError): void {
    const what = count === 1 ? 'An answer or event' : `${count} answers and events`;
    this.logger.warn(`${what} may not have arrived: the server is closing. ${message}`);
  }

  /** Whether a client is away, or is about to be because somebody has cut its connection, and something waits for it. */
  private get hasBusyAway(): boolean {
    return [...this.sessions].some((session) => session.isBusy && (this.away.has(session) || session.isCut));
  }

  /** Takes no new calls, and lets those under way end. A client that is away and has none is not waited for. */
  private drain(): Promise<void> {
    this.draining ??= this.beginToDrain();
    return this.draining.done;
  }

  private beginToDrain(): Drain {
    const { clock, drainTimeout, retryAfter } = this.options;
    const busy = new Set(this.stockEvents);
    const draining = new Drain(() => this.sessions.size === 0 && busy.size === 0, drainTimeout, clock);
    this.away.close(this.canConnect);
    // Those that are away are told when they come back.
    for (const session of this.sessions) if (!this.away.has(session)) session.peer.drain(retryAfter);
    for (const events of busy) {
      events.drain(() => {
        busy.delete(events);
        draining.check();
      });
    }
    draining.check();
    return draining;
  }

  private disconnectAll(detach: () => void): void {
    for (const { peer } of this.sessions) peer.close(serverClosed());
    detach();
  }
}
