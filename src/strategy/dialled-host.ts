import type { LoggerService } from '@nestjs/common';
import { N2NError, messageOf } from '../n2n-error.js';
import type { IncomingCall } from '../peer/incoming-call.js';
import type { CallHost } from '../proxy/call-listener.js';
import type { NodeClient } from '../transport/node-client.js';
import type { DialledSocket, SocketIoServer, SocketIoSocket } from '../transport/socket-io-server.js';
import type { HandlerHost, TakeCall } from './handler-host.js';
import type { ReportError } from './handler-error.js';
import type { ResolvedN2NServerOptions } from './n2n-server-options.js';
import { PeerClient, PeerRegistry } from './peer-client.js';
import { takeEvents } from './stock-peer.js';

/** Takes calls from the server that a client has dialled. The client stays the application's own, to call with too. */
export class DialledHost implements HandlerHost {
  readonly peers = new PeerRegistry();

  constructor(
    private readonly client: CallHost,
    private readonly options: ResolvedN2NServerOptions,
    private readonly takeCall: TakeCall,
    private readonly report: ReportError,
    private readonly logger: LoggerService,
  ) {}

  /** The application starts whether or not the server is there yet; the client goes on trying, and says so. */
  async listen(): Promise<void> {
    this.client.hostCalls({
      maxInFlight: this.options.maxInFlight,
      onConnection: (socket, caller) => {
        const { codec, timeout, clock, maxInFlight } = this.options;
        const report = (message: string, error: unknown): void =>
          this.logger.error(`${message}: ${messageOf(error)}`);
        const asServerSees = socket as unknown as SocketIoSocket;
        const defaults = { caller, codec, timeout, report };
        const peer: PeerClient = new PeerClient(socket.id ?? '', asServerSees, defaults, () =>
          peer.unwrap<DialledSocket>().disconnect(),
        );
        this.peers.add(peer);
        const connection = { peer, rooms: undefined, now: () => clock.now() };
        const onCall = (call: IncomingCall): void => this.takeCall(call, connection);
        // What the server broadcasts comes as plain events, beside the chunks.
        const listen = (to: SocketIoSocket): void =>
          void takeEvents(to, maxInFlight, clock, onCall, this.report);
        listen(asServerSees);
        return {
          onCall,
          onMoved: (next) => {
            const moved = next as unknown as SocketIoSocket;
            peer.moveTo(moved);
            listen(moved);
          },
          onEnded: () => this.peers.remove(peer),
        };
      },
    });
    this.client.connect().catch((error: unknown) => this.logger.warn(messageOf(error)));
  }

  async close(): Promise<void> {
    this.client.hostCalls(undefined);
  }

  unwrap(): NodeClient {
    return this.client.unwrap<NodeClient>();
  }

  server(): SocketIoServer {
    throw new N2NError('INVALID_OPTIONS', 'A server over a dialled connection has nobody to broadcast to.');
  }

  on(event: string, listener: (...args: unknown[]) => void): void {
    this.unwrap().on(event as 'connect', listener);
  }
}
