import { atEndOfTurn } from '../clock.js';
import { N2NError } from '../n2n-error.js';
import type { CallSink } from '../peer/outgoing-call.js';
import type { IncomingCall } from '../peer/incoming-call.js';
import { Peer } from '../peer/peer.js';
import type { EncodedValue } from '../protocol/value.js';
import type { CallListener } from '../proxy/call-listener.js';
import type { Caller, CallTerms, MadeCall } from '../proxy/caller.js';
import { n2nParser } from '../transport/n2n-parser.js';
import { NodeClient } from '../transport/node-client.js';
import type { NodeClientError } from '../transport/node-client-events.js';
import { dialledLink } from '../transport/socket-link.js';
import type { ResolvedN2NClientOptions } from './n2n-client-options.js';
import { PendingConnect } from './pending-connect.js';
import { RepeatingCall } from './repeating-call.js';
import { WaitingCall } from './waiting-call.js';
import { WaitingRoom } from './waiting-room.js';

export type EndpointStatus = 'connected' | 'reconnecting' | 'disconnected';

export interface EndpointEvents {
  onStatus(status: EndpointStatus): void;
  /** See `PeerEvents.onFault`. */
  onFault(error: unknown): void;
}

/** How many bytes may wait for a connection that is full before calls are refused. */
const MAX_PENDING = 16 * 1024 * 1024;

/** How many calls of the server are refused at once where this side hosts no handlers. */
const MAX_IN_FLIGHT = 1024;

/**
 * - `idle`: nothing is connected or tried; the next call, or `connect`, begins
 * - `connecting`: the client is at it, for the first time or again; calls wait
 * - `greeting`: the connection is there, HELLO is not; calls wait
 * - `open`: calls go out
 * - `closed` for good, until `connect`
 */
type State =
  | { readonly is: 'idle' }
  | { readonly is: 'connecting' }
  | { readonly is: 'greeting'; readonly peer: Peer }
  | { readonly is: 'open'; readonly peer: Peer }
  | { readonly is: 'closed' };

/** One address that calls can go to, with its connection, and the calls that wait for it. */
export class Endpoint implements Caller {
  /** The connection under the calls. */
  readonly client: NodeClient;

  private readonly waiting: WaitingRoom;
  private state: State = { is: 'idle' };
  /** Those who wait for `connect` to come out. */
  private connecting: PendingConnect | undefined;
  private lastError: N2NError | undefined;
  private listener: CallListener | undefined;
  /** Whether there was a connection since the attempts began: then it is one that did not come back. */
  private hasConnected = false;

  /** @throws N2NError `INVALID_OPTIONS` */
  constructor(
    private readonly options: ResolvedN2NClientOptions,
    private readonly events: EndpointEvents,
  ) {
    this.waiting = new WaitingRoom(options.maxBuffered, options.maxBufferedBytes, options.clock);
    this.client = new NodeClient(options.url, { ...options.connection, parser: n2nParser });
    this.client.on('connect', () => this.onConnect());
    this.client.on('disconnect', () => this.onDisconnect());
    this.client.on('error', (error) => this.onError(error));
    this.client.on('reconnect-failed', () => this.onReconnectFailed());
  }

  /**
   * Connects, also after `close`.
   * @returns what settles when calls can be made, or when the first attempt has failed; more attempts follow that
   */
  connect(): Promise<void> {
    if (this.state.is === 'open') return Promise.resolve();
    this.connecting ??= new PendingConnect();
    const { promise } = this.connecting;
    this.begin();
    return promise;
  }

  /** Who takes the calls of the other side, from the next connection on. */
  hostCalls(listener: CallListener | undefined): void {
    this.listener = listener;
  }

  /** Ends the connection, or the attempts at one, and every call with `CLOSED`. */
  close(): void {
    const { state } = this;
    if (state.is === 'closed') return;
    this.state = { is: 'closed' };
    const error = new N2NError('CLOSED', 'The client was closed; call connect() to use it again.');
    if (state.is === 'open' || state.is === 'greeting') state.peer.close(error);
    this.client.disconnect();
    this.failWaiting(error);
    this.events.onStatus('disconnected');
  }

  call(pattern: string, value: EncodedValue, sink: CallSink, terms: CallTerms): MadeCall {
    // A payload that is a stream has been taken from its source, and cannot be sent again.
    if (terms.isRepeatable !== true || terms.onPayload !== undefined) {
      return this.callOnce(pattern, value, sink, terms);
    }
    return new RepeatingCall(sink, (inner) => this.callOnce(pattern, value, inner, terms)).start();
  }

  emit(pattern: string, value: EncodedValue, sink: CallSink, terms: CallTerms): boolean {
    if (this.state.is === 'open') {
      this.state.peer.emit(pattern, value, terms.metadata);
      return true;
    }
    this.wait('event', pattern, value, sink, terms);
    return false;
  }

  private callOnce(pattern: string, value: EncodedValue, sink: CallSink, terms: CallTerms): MadeCall {
    // A peer that is just closing tells its calls before it tells the endpoint; one made again then has to wait.
    if (this.state.is === 'open' && this.state.peer.isOpen) {
      return this.state.peer.call(pattern, value, sink, terms);
    }
    return this.wait('call', pattern, value, sink, terms);
  }

  private wait(
    kind: WaitingCall['kind'],
    pattern: string,
    value: EncodedValue,
    sink: CallSink,
    terms: CallTerms,
  ): WaitingCall {
    if (this.state.is === 'closed') {
      throw new N2NError('CLOSED', 'The client was closed; call connect() to use it again.');
    }
    this.begin();
    if ((terms.offline ?? this.options.offline) === 'reject') {
      throw new N2NError(
        'CONNECT_FAILED',
        `There is no connection to ${this.options.url}, and the policy "offline" is to reject what would wait for one.`,
        { cause: this.lastError },
      );
    }
    const call = new WaitingCall(kind, pattern, value, terms, sink, (dropped) =>
      this.waiting.remove(dropped),
    );
    this.waiting.add(call);
    return call;
  }

  private begin(): void {
    if (this.state.is !== 'idle' && this.state.is !== 'closed') return;
    this.state = { is: 'connecting' };
    this.client.connect();
  }

  private onConnect(): void {
    const { socket } = this.client;
    if (socket === undefined) return;
    const { maxPayload, helloTimeout, clock } = this.options;
    const peer: Peer = new Peer(
      {
        onOpen: () => this.onOpen(),
        onFault: (error) => this.events.onFault(error),
        onCall: (call) => take(call),
        onClosed: (error) => this.onPeerClosed(peer, error),
      },
      {
        role: 'dialer',
        maxPayload,
        maxInFlight: this.listener?.maxInFlight ?? MAX_IN_FLIGHT,
        codec: this.options.codec,
        helloTimeout,
        maxPending: MAX_PENDING,
        clock,
        defer: atEndOfTurn,
      },
    );
    const take = this.listener?.onConnection(socket, this) ?? refuse;
    this.state = { is: 'greeting', peer };
    peer.open(dialledLink(socket));
  }

  private onOpen(): void {
    if (this.state.is !== 'greeting') return;
    const { peer } = this.state;
    this.state = { is: 'open', peer };
    this.lastError = undefined;
    this.hasConnected = true;
    for (const call of this.waiting.takeAll()) call.write(peer);
    this.connecting?.resolve();
    this.connecting = undefined;
    this.events.onStatus('connected');
  }

  private onPeerClosed(peer: Peer, error: N2NError): void {
    if ((this.state.is !== 'open' && this.state.is !== 'greeting') || this.state.peer !== peer) return;
    this.lastError = error;
    // The other side cannot be talked to, however often the connection is made anew.
    if (error.code === 'VERSION_MISMATCH') {
      this.onGivenUp();
      this.client.disconnect();
    } else {
      this.state = { is: 'connecting' };
    }
  }

  private onDisconnect(): void {
    if (this.state.is === 'closed' || this.state.is === 'idle') return;
    this.state = { is: 'connecting' };
    this.events.onStatus('reconnecting');
    // Without `reconnect`, nothing else tells that nothing follows.
    if (!this.client.reconnecting) this.onGivenUp();
  }

  private onError({ message, cause }: NodeClientError): void {
    this.lastError = N2NError.from(cause ?? message, 'CONNECT_FAILED', message);
    if (this.connecting !== undefined) {
      this.connecting.reject(this.lastError);
      this.connecting = undefined;
    }
    if (!this.client.reconnecting && !this.client.connected) this.onGivenUp();
  }

  private onReconnectFailed(): void {
    if (this.hasConnected) {
      const { url } = this.options;
      const why = this.lastError === undefined ? '' : ` The last attempt: ${this.lastError.message}`;
      this.lastError = new N2NError('RECONNECT_FAILED', `The connection to ${url} did not come back.${why}`, {
        cause: this.lastError,
      });
    }
    this.onGivenUp();
  }

  /** No attempt follows. What waits fails; the next call begins anew. */
  private onGivenUp(): void {
    if (this.state.is === 'closed' || this.state.is === 'idle') return;
    this.state = { is: 'idle' };
    this.hasConnected = false;
    this.failWaiting(
      this.lastError ?? new N2NError('CONNECT_FAILED', `There is no connection to ${this.options.url}.`),
    );
    this.events.onStatus('disconnected');
  }

  private failWaiting(error: N2NError): void {
    this.connecting?.reject(error);
    this.connecting = undefined;
    for (const call of this.waiting.takeAll()) call.fail(error);
  }
}

function refuse(call: IncomingCall): void {
  call.fail(
    new N2NError('NO_HANDLER', 'This client hosts no handlers: give it to new N2NServer({ client }).'),
  );
}
