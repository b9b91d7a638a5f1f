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
import type { HandlerHost, TakeCall } from '../handler-host.js';
import type { ReportError } from '../handlers/handler-error.js';
import type { ResolvedN2NServerOptions } from '../n2n-server-options.js';
import { PeerClient, PeerRegistry } from '../peer-client.js';
import { Rooms } from '../rooms.js';
import { StockOutbound } from '../stock/stock-outbound.js';
import { takeEvents, type TakenEvents } from '../stock/stock-inbound.js';

/** As many sessions wait for their clients to come back; beyond them, the one that waits longest is given up. */
const MOST_SUSPENDED = 10_000;

/** Takes calls from clients that connect: from N2N clients in chunks, from stock Socket.IO clients as events. */
export class AcceptingHost implements HandlerHost {
  readonly peers = new PeerRegistry();
  /** Those that are not over, and those whose events are still being handled. */
  private readonly sessions = new Set<AcceptedSession>();
  /** What stock clients send. */
  private readonly stockEvents = new Set<TakenEvents>();
  /** Those whose clients are away, in the order in which they went. */
  private readonly suspended = new Set<AcceptedSession>();
  private readonly tickets = new SessionTickets<AcceptedSession>(randomBytes);
  private readonly socketIo: AttachableServer;
  private stop: (() => Promise<void>) | undefined;
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
  }

  async listen(): Promise<void> {
    const { target } = this.options;
    const listener = createHttpListener(
      target,
      () => void this.drain().then(() => this.disconnectAll(detach)),
    );
    const detach = this.socketIo.attach(listener.server);
    if (target.kind !== 'shared') this.socketIo.io.httpServer = listener.server;
    this.stop = async () => {
      await this.drain();
      this.disconnectAll(detach);
      await listener.close();
      this.draining = undefined;
    };
    try {
      await listener.listen();
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
    const connection: AcceptedConnection = {
      peer: client,
      rooms,
      now: () => clock.now(),
      report: this.report,
    };
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
      this.suspended.delete(session);
      session.moveTo(socket);
      client.speakAs(session.client);
      this.answer(link, { ticket: this.tickets.renew(resume), received: session.received });
      session.peer.attach(link);
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
      onSuspended: () => this.onSuspended(session),
      onClosed: (error) => {
        if (ticket !== undefined) this.tickets.drop(ticket);
        this.onClosed(session, error);
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

  private onSuspended(session: AcceptedSession): void {
    if (this.draining !== undefined && !session.peer.isBusy) {
      // Its client would come back for nothing.
      session.peer.close(serverClosed());
      return;
    }
    this.suspended.add(session);
    const [longest] = this.suspended;
    if (this.suspended.size > MOST_SUSPENDED) {
      longest.peer.close(new N2NError('CONNECTION_LOST', 'Too many clients that were lost may come back.'));
    }
  }

  private onClosed(session: AcceptedSession, error: N2NError): void {
    this.suspended.delete(session);
    this.peers.remove(session.client);
    this.warnOf(error);
    session.peer.whenEventsServed(() => {
      this.sessions.delete(session);
      this.draining?.check();
    });
  }

  private warnOf(error: N2NError): void {
    if (error.code !== 'CONNECTION_LOST' && error.code !== 'CLOSED') this.logger.warn(error.message);
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
    for (const session of this.sessions) {
      if (this.suspended.has(session) && !session.peer.isBusy) session.peer.close(serverClosed());
      else session.peer.drain(retryAfter);
    }
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

function serverClosed(): N2NError {
  return new N2NError('CONNECTION_LOST', 'The server was closed.');
}
