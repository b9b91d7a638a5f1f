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
  /** Told of events to the client that were lost. */
  readonly reportLost: Report;
  /** The connection is lost; the client may come back. */
  onSuspended(): void;
  /** @param lost see `PeerEvents.onClosed` */
  onClosed(error: N2NError, lost: number): void;
}

/** The session with a client, whichever connection it goes over at present. */
export class AcceptedSession implements TicketHolder {
  readonly peer: Peer;
  /** Whether the client may come back for it when its connection is lost. */
  readonly isResumable: boolean;
  /** The client, as something to call. */
  readonly client: PeerClient;
  private readonly rooms: Rooms;
  private readonly info: LiveSessionInfo;

  /** @param client calls its client from now on */
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
        warn: (message) => events.warn(`${message} It is that of ${otherSide}.`),
        onCall: (call) => takeCall(call, connection),
        onSuspended: () => events.onSuspended(),
        onGoAway: () => {},
        // The side that dialed ends the session: it alone knows that every answer has reached it.
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
    this.client.speakOver({ caller: callerOf(this.peer), codec, timeout, report: reportLost }, () =>
      this.peer.close(new N2NError('CLOSED', 'The server has ended the session.')),
    );
  }

  /** Whether calls are under way in either direction, or something that was written may not have arrived. */
  get isBusy(): boolean {
    return this.peer.isBusy || this.peer.undelivered > 0;
  }

  /** Whether somebody on this side has destroyed the connection; the session hears of that in a later turn. */
  get isCut(): boolean {
    return isDestroyed(this.client.unwrap().request.socket);
  }

  get received(): number {
    return this.peer.received;
  }

  /** Whether the session can go on from where the client says. */
  canResume({ received }: ResumeRequest): boolean {
    return this.peer.canResumeFrom(received);
  }

  /** The client has come back over another connection. It is in the rooms that it was in. */
  moveTo(socket: SocketIoSocket): void {
    this.info.connection = socket.id;
    this.info.address = remoteAddressOf(socket);
    this.client.moveTo(socket);
    void this.rooms.moveTo(socket);
  }
}

/** The client, for messages. One on a Unix domain socket has no address. */
function addressOf({ handshake }: SocketIoSocket): string {
  return handshake.address ? `the client at ${handshake.address}` : 'the client';
}

/** Of TLS, whoever holds the sockets that a server has accepted has the one beneath. */
function isDestroyed(socket: Socket & { readonly _parent?: Socket | null }): boolean {
  return socket.destroyed || socket._parent?.destroyed === true;
}
