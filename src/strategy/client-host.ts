import type { LoggerService } from '@nestjs/common';
import type { SessionInfo } from '../diagnostics.js';
import { N2NError } from '../n2n-error.js';
import { refuse, type IncomingCall } from '../rpc/incoming/incoming-call.js';
import type { CallHost, HostedConnection } from '../call/call-host.js';
import { reportTo, type Caller } from '../call/caller.js';
import { Drain } from '../call/drain.js';
import type { NodeClient } from '../transport/node-client/node-client.js';
import type {
  DialedSocket,
  SocketIoServer,
  SocketIoSocket,
} from '../transport/socket-io/socket-io-server.js';
import type { HandlerHost, HostStatus, TakeCall } from './handler-host.js';
import type { ReportError } from './handlers/handler-error.js';
import type { ResolvedN2NServerOptions } from './n2n-server-options.js';
import { PeerClient, PeerRegistry } from './peer-client.js';
import { takeEvents, type TakenEvents } from './stock/stock-inbound.js';

/** Takes calls from the server of an `N2NClient`. The application can still make calls with that client. */
export class ClientHost implements HandlerHost {
  readonly peers = new PeerRegistry();
  /** The calls and events that handlers are serving. */
  private readonly underWay = new Set<IncomingCall>();
  /** Undefined while new calls are accepted. */
  private draining: Drain | undefined;
  private unsubscribeStatus: () => void = () => {};

  constructor(
    private readonly client: CallHost,
    private readonly options: ResolvedN2NServerOptions,
    private readonly takeCall: TakeCall,
    private readonly report: ReportError,
    private readonly logger: LoggerService,
    private readonly hasHandler: (pattern: string) => boolean,
  ) {}

  /** Does not wait for the server: the client keeps trying to connect, and logs its failures. */
  async listen(onStatus: (status: HostStatus) => void): Promise<void> {
    const { maxInFlight } = this.options;
    this.draining = undefined;
    // A client that has not connected yet emits no status.
    onStatus('disconnected');
    const subscription = this.client.status.subscribe(onStatus);
    this.unsubscribeStatus = () => subscription.unsubscribe();
    this.client.hostCalls({
      maxInFlight,
      onConnection: (socket, caller, info) => this.onConnection(socket, caller, info),
    });
    // The client logs the failure, and keeps trying.
    this.client.connect().catch(() => {});
  }

  /** Waits at most `drainTimeout` for the calls under way. The client stays connected, without handlers. */
  async close(): Promise<void> {
    const { clock, drainTimeout } = this.options;
    this.unsubscribeStatus();
    this.draining = new Drain(() => this.underWay.size === 0, drainTimeout, clock);
    await this.draining.done;
    this.client.hostCalls(undefined);
    const closed = new N2NError('CONNECTION_LOST', 'The host of the handlers was closed.');
    for (const call of this.underWay) call.abort(closed);
  }

  unwrap(): NodeClient {
    return this.client.unwrap<NodeClient>();
  }

  server(): SocketIoServer {
    throw new N2NError(
      'INVALID_OPTIONS',
      'A server with the option "client" cannot broadcast: it accepts no connections.',
    );
  }

  on(event: string, listener: (...args: unknown[]) => void): void {
    this.unwrap().on(event as 'connect', listener);
  }

  private onConnection(socket: DialedSocket, caller: Caller, info: SessionInfo): HostedConnection {
    const { codec, timeout, clock, maxInFlight } = this.options;
    const peer: PeerClient = new PeerClient({
      id: socket.id ?? '',
      isStock: false,
      socket: asServerSees(socket),
      defaults: { caller, codec, timeout, report: reportTo(this.logger) },
      end: () => peer.unwrap<DialedSocket>().disconnect(),
    });
    this.peers.add(peer);
    const connection = { peer, rooms: undefined, now: () => clock.now(), report: this.report };
    const onCall = (call: IncomingCall): void => this.onCall(call, () => this.takeCall(call, connection));
    // A broadcast of the server arrives as a plain event, beside the chunks.
    const { hasHandler, report: onFault } = this;
    const options = { info, maxInFlight, clock, hasHandler, listenersOfOurs, onCall, onFault };
    const listen = (to: DialedSocket): TakenEvents => takeEvents(asServerSees(to), options);
    let events = listen(socket);
    return {
      onCall,
      onFault: this.report,
      onMoved: (next) => {
        events.release();
        events = listen(next);
        peer.moveTo(asServerSees(next));
      },
      onEnded: () => {
        events.release();
        this.peers.remove(peer);
      },
    };
  }

  private onCall(call: IncomingCall, take: () => void): void {
    if (this.draining !== undefined) {
      refuse(call, 'DRAINING', 'The host of the handlers is draining.', { onFault: this.report });
      return;
    }
    this.underWay.add(call);
    call.whenOver(() => {
      this.underWay.delete(call);
      this.draining?.check();
    });
    take();
  }
}

/** The `NodeClient` itself listens to `message`. */
function listenersOfOurs(name: string): number {
  return name === 'message' ? 1 : 0;
}

/** Both kinds of sockets have the members that a handler's context needs. */
function asServerSees(socket: DialedSocket): SocketIoSocket {
  return socket as unknown as SocketIoSocket;
}
