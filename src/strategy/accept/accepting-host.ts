import type { LoggerService } from '@nestjs/common';
import type { SessionInfo } from '../../diagnostics.js';
import { jsonCodec } from '../../protocol/values/codec.js';
import { reportTo, type Report } from '../../call/caller.js';
import { Drain } from '../../call/drain.js';
import { createHttpListener } from '../../transport/http/http-listener.js';
import { n2nParser } from '../../transport/socket-io/n2n-parser.js';
import {
  createSocketIoServer,
  type AttachableServer,
  type SocketIoServer,
  type SocketIoSocket,
} from '../../transport/socket-io/socket-io-server.js';
import { acceptedLink, speaksChunks } from '../../transport/socket-io/socket-link.js';
import type { HandlerHost, HostStatus, TakeCall } from '../handler-host.js';
import type { ReportError } from '../handlers/handler-error.js';
import type { ResolvedN2NServerOptions } from '../n2n-server-options.js';
import { PeerClient, PeerRegistry } from '../peer-client.js';
import { Rooms } from '../rooms.js';
import { StockOutbound } from '../stock/stock-outbound.js';
import { takeEvents, type TakenEvents } from '../stock/stock-inbound.js';
import { refusePlainEvents } from './refuse-plain-events.js';
import { SessionAcceptor } from './session-acceptor.js';
import { sessionInfoOf } from './session-info.js';

/** Takes calls from clients that connect: chunks of N2N clients, and events of stock Socket.IO clients. */
export class AcceptingHost implements HandlerHost {
  readonly peers = new PeerRegistry();
  private readonly sessions: SessionAcceptor;
  private readonly reportLost: Report;
  /** The events of stock clients. */
  private readonly stockEvents = new Set<TakenEvents>();
  private readonly socketIo: AttachableServer;
  private stop: (() => Promise<void>) | undefined;
  /** Whether a disconnected client can reconnect. */
  private canConnect: () => boolean = () => false;
  /** Undefined while new calls are accepted. */
  private draining: Drain | undefined;

  constructor(
    private readonly options: ResolvedN2NServerOptions,
    private readonly takeCall: TakeCall,
    private readonly report: ReportError,
    private readonly logger: LoggerService,
    private readonly hasHandler: (pattern: string) => boolean,
  ) {
    this.reportLost = reportTo(logger);
    this.sessions = new SessionAcceptor(options, this.peers, {
      takeCall,
      report,
      reportLost: this.reportLost,
      warn: (message) => logger.warn(message),
      onOver: () => this.draining?.check(),
    });
    this.socketIo = createSocketIoServer({ ...options.socketIo, parser: n2nParser }, logger);
    this.socketIo.io.on('connection', (socket) => this.onConnection(socket));
  }

  async listen(onStatus: (status: HostStatus) => void): Promise<void> {
    const { target } = this.options;
    const listener = createHttpListener(target, () => {
      const { hasBusyAway } = this.sessions;
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
      this.sessions.open();
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
    if (speaksChunks(socket)) {
      refusePlainEvents(socket, this.logger);
      this.sessions.accept(acceptedLink(socket), socket, this.peerOf(socket, sessionInfoOf(socket)));
    } else {
      this.acceptStock(socket);
    }
  }

  private acceptStock(socket: SocketIoSocket): void {
    const { maxInFlight, clock } = this.options;
    const { hasHandler, report: onFault } = this;
    const info = sessionInfoOf(socket);
    const peer = this.peerOf(socket, info);
    const connection = { peer, rooms: new Rooms(socket, onFault), now: () => clock.now(), report: onFault };
    const events = takeEvents(socket, {
      info,
      maxInFlight,
      clock,
      hasHandler,
      listenersOfOurs: () => 0,
      onCall: (call) => this.takeCall(call, connection),
      onFault,
    });
    this.peers.add(peer);
    this.stockEvents.add(events);
    socket.once('disconnect', () => {
      this.peers.remove(peer);
      this.stockEvents.delete(events);
    });
  }

  private peerOf(socket: SocketIoSocket, info: SessionInfo): PeerClient {
    const { timeout, clock } = this.options;
    const caller = new StockOutbound(socket, info, clock);
    return new PeerClient({
      id: socket.id,
      isStock: !speaksChunks(socket),
      socket,
      defaults: { caller, codec: jsonCodec, timeout, report: this.reportLost },
      end: () => socket.disconnect(true),
    });
  }

  /** Refuses new calls, and waits for the calls under way. */
  private drain(): Promise<void> {
    this.draining ??= this.beginToDrain();
    return this.draining.done;
  }

  private beginToDrain(): Drain {
    const { clock, drainTimeout } = this.options;
    const busy = new Set(this.stockEvents);
    const draining = new Drain(() => this.sessions.size === 0 && busy.size === 0, drainTimeout, clock);
    this.sessions.drain(this.canConnect);
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
    this.sessions.closeAll();
    detach();
  }
}
