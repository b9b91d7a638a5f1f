import type { Socket } from 'node:net';
import { atEndOfTurn } from '../../clock.js';
import type { LiveSessionInfo } from '../../diagnostics.js';
import { N2NError } from '../../n2n-error.js';
import { MAX_PENDING_BYTES } from '../../limits.js';
import { Peer } from '../../rpc/peer.js';
import type { Hello, ResumeRequest } from '../../protocol/frames/hello.js';
import type { TicketHolder } from '../../session/session-tickets.js';
import { remoteAddressOf, type SocketIoSocket } from '../../transport/socket-io/socket-io-server.js';
import type { Report } from '../../call/caller.js';
import type { TakeCall } from '../handler-host.js';
import type { ReportError } from '../handlers/handler-error.js';
import type { CallConnection } from '../n2n-context.js';
import type { ResolvedN2NServerOptions } from '../n2n-server-options.js';
import { callerOf, type PeerClient } from '../peer-client.js';
import { Rooms } from '../rooms.js';
import { sessionInfoOf } from './session-info.js';

export interface AcceptedSessionEvents {
  readonly takeCall: TakeCall;
  readonly report: ReportError;
  warn(message: string): void;
  /** Reports events to the client that are lost. */
  readonly reportLost: Report;
  /** The connection is lost. The client may resume the session. */
  onSuspended(): void;
  /** @param lost see `PeerEvents.onClosed` */
  onClosed(error: N2NError, lost: number): void;
}

/** The session with a client. It survives its connections. */
export class AcceptedSession implements TicketHolder {
  readonly peer: Peer;
  /** Whether the client may resume the session after its connection is lost. */
  readonly isResumable: boolean;
  /** Calls the client. */
  readonly client: PeerClient;
  private readonly rooms: Rooms;
  private readonly info: LiveSessionInfo;

  /** @param client makes its calls over this session from now on */
  constructor(
    client: PeerClient,
    hello: Hello,
    options: ResolvedN2NServerOptions,
    events: AcceptedSessionEvents,
  ) {
    const { maxPayload, maxInFlight, resumeWindow, maxReplay, clock, codec, timeout } = options;
    const { takeCall, report, reportLost } = events;
    const window = Math.min(hello.window, resumeWindow);
    this.client = client;
    this.rooms = new Rooms(client.unwrap(), report);
    const connection: CallConnection = { peer: client, rooms: this.rooms, now: () => clock.now(), report };
    this.isResumable = window > 0;
    this.info = sessionInfoOf(client.unwrap(), window);
    const otherSide = addressOf(client.unwrap());
    this.peer = new Peer(
      {
        onFault: report,
        warn: (message) => events.warn(`${message} The other side is ${otherSide}.`),
        onCall: (call) => takeCall(call, connection),
        onSuspended: () => events.onSuspended(),
        onGoAway: () => {},
        // The client ends the session: only the client knows that it has received every answer.
        onDrained: () => {},
        onClosed: (error, lost) => events.onClosed(error, lost),
      },
      {
        role: 'acceptor',
        info: this.info,
        otherSide,
        maxPayload,
        maxSend: hello.maxPayload,
        maxInFlight,
        window,
        maxReplay,
        maxPending: maxPayload + MAX_PENDING_BYTES,
        clock,
        codec,
        defer: atEndOfTurn,
      },
    );
    this.client.useSession({ caller: callerOf(this.peer), codec, timeout, report: reportLost }, () =>
      this.peer.close(new N2NError('CLOSED', 'The server has ended the session.')),
    );
  }

  /** Whether calls are under way in either direction, or written messages are not acknowledged. */
  get isBusy(): boolean {
    return this.peer.isBusy || this.peer.undelivered > 0;
  }

  /** Whether this side has destroyed the connection. The session gets the event in a later turn. */
  get hasDestroyedSocket(): boolean {
    return isDestroyed(this.client.unwrap().request.socket);
  }

  get received(): number {
    return this.peer.received;
  }

  /** Whether the session can be resumed from the client's position. */
  canResume({ received }: ResumeRequest): boolean {
    return this.peer.canResumeFrom(received);
  }

  /** Moves the session to another connection. The client stays in its rooms. */
  moveTo(socket: SocketIoSocket): void {
    this.info.connection = socket.id;
    this.info.address = remoteAddressOf(socket);
    this.client.moveTo(socket);
    void this.rooms.moveTo(socket);
  }
}

/** Describes the client in messages. A client on a Unix domain socket has no address. */
function addressOf({ handshake }: SocketIoSocket): string {
  return handshake.address ? `the client at ${handshake.address}` : 'the client';
}

/** An application that tracks the server's sockets has the TCP socket under a TLS socket, and destroys that. */
function isDestroyed(socket: Socket & { readonly _parent?: Socket | null }): boolean {
  return socket.destroyed || socket._parent?.destroyed === true;
}
