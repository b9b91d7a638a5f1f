import type { LoggerService } from '@nestjs/common';
import { atEndOfTurn } from '../clock.js';
import { N2NError, messageOf } from '../n2n-error.js';
import type { IncomingCall } from '../peer/incoming-call.js';
import { Peer } from '../peer/peer.js';
import type { Caller } from '../proxy/caller.js';
import type { Link } from '../session/link.js';
import { createHttpListener } from '../transport/http-listener.js';
import { n2nParser } from '../transport/n2n-parser.js';
import {
  createSocketIoServer,
  type AttachableServer,
  type SocketIoServer,
  type SocketIoSocket,
} from '../transport/socket-io-server.js';
import { acceptLink } from '../transport/socket-link.js';
import type { HandlerHost, TakeCall } from './handler-host.js';
import type { ReportError } from './handler-run.js';
import type { CallConnection } from './n2n-context.js';
import type { ResolvedN2NServerOptions } from './n2n-server-options.js';
import { callerOf, PeerClient, PeerRegistry } from './peer-client.js';
import { stockCaller } from './stock-caller.js';
import { takeEvents } from './stock-peer.js';

/** How many bytes of answers may wait for a client that does not read, beyond the longest one. */
const PENDING_ALLOWANCE = 16 * 1024 * 1024;

/** Takes calls from clients that connect: from N2N clients in chunks, from stock Socket.IO clients as events. */
export class AcceptingHost implements HandlerHost {
  readonly peers = new PeerRegistry();
  private readonly sessions = new Set<Peer>();
  private readonly socketIo: AttachableServer;
  private stop: (() => Promise<void>) | undefined;

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
    const listener = createHttpListener(target, () => this.disconnectAll(detach));
    const detach = this.socketIo.attach(listener.server);
    if (target.kind !== 'shared') this.socketIo.io.httpServer = listener.server;
    this.stop = async () => {
      this.disconnectAll(detach);
      await listener.close();
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
    const { maxInFlight, clock } = this.options;
    const connection = this.connection(socket, stockCaller(socket));
    const onCall = (call: IncomingCall): void => this.takeCall(call, connection);
    const leaveEvents = takeEvents(socket, maxInFlight, clock, onCall, this.report);
    socket.once('disconnect', () => this.peers.remove(socket.id));
    acceptLink(socket, (link) => {
      // It speaks in chunks: it is no stock client.
      leaveEvents();
      this.accept(link, socket);
    });
  }

  private accept(link: Link, socket: SocketIoSocket): void {
    const { maxPayload, maxInFlight, handshakeTimeout, clock, codec } = this.options;
    const peer: Peer = new Peer(
      {
        onOpen: () => {},
        onFault: this.report,
        onCall: (call) => this.takeCall(call, connection),
        onClosed: (error) => {
          this.sessions.delete(peer);
          if (error.code !== 'CONNECTION_LOST' && error.code !== 'CLOSED') this.logger.warn(error.message);
        },
      },
      {
        role: 'acceptor',
        maxPayload,
        maxInFlight,
        helloTimeout: handshakeTimeout,
        maxPending: maxPayload + PENDING_ALLOWANCE,
        clock,
        codec,
        defer: atEndOfTurn,
      },
    );
    this.sessions.add(peer);
    const connection: CallConnection = this.connection(socket, callerOf(peer));
    peer.open(link);
  }

  private connection(socket: SocketIoSocket, caller: Caller): CallConnection {
    const { codec, timeout, clock } = this.options;
    const report = (message: string, error: unknown): void =>
      this.logger.error(`${message}: ${messageOf(error)}`);
    const peer = new PeerClient(socket.id, socket, { caller, codec, timeout, report });
    this.peers.add(peer);
    return { socket, peer, now: () => clock.now() };
  }

  private disconnectAll(detach: () => void): void {
    for (const peer of this.sessions) peer.close(new N2NError('CONNECTION_LOST', 'The server was closed.'));
    detach();
  }
}
