import type { Socket } from 'node:net';
import type { Socket as ServerSocket } from 'socket.io';
import type { Socket as ClientSocket } from 'socket.io-client';
import { CLOSE_GRACE_MS } from '../../limits.js';
import type { Chunk, Link, LinkEvents } from '../../session/link.js';
import { LEAST_RELEASED, releaseMemory } from '../engine/release-memory.js';
import type { N2NDecoder } from './n2n-parser.js';
import { StreamClientTransport } from '../engine/stream-client-transport.js';
import { StreamServerTransport } from '../engine/stream-server-transport.js';

type Listener = (...args: unknown[]) => void;

/**
 * How many chunks may wait while the transport is busy. They are sent in one write. The number is small, so that small and
 * urgent messages do not wait long behind them.
 */
const MOST_WAITING = 3;

/** Socket.IO's reasons, on either side, for a connection that was closed on purpose. */
const INTENDED: ReadonlySet<unknown> = new Set([
  'io server disconnect',
  'io client disconnect',
  'server namespace disconnect',
  'client namespace disconnect',
  'server shutting down',
]);

/** The emitter methods of a Socket.IO socket that the links of both sides use. */
interface SocketEvents {
  on(event: string, listener: Listener): unknown;
  off(event: string, listener: Listener): unknown;
}

/**
 * Sends chunks as binary messages of Engine.IO, which have no meaning in Socket.IO's own encoding. They bypass Socket.IO's
 * `emit` and dispatch, which would cost two `nextTick`, five emitters and four objects for each chunk. With one call at a time,
 * each call is a chunk.
 */
abstract class SocketLink implements Link {
  private events: LinkEvents | undefined = undefined;
  private isListening = false;
  /** The events that arrived before a listener was added. */
  private held: ((events: LinkEvents) => void)[] = [];
  /** The long chunk that is being delivered, if its memory may be released. */
  private releasable: Buffer | undefined = undefined;

  /** @param decoder the decoder of the socket */
  constructor(
    private readonly emitter: SocketEvents,
    private readonly decoder: N2NDecoder,
  ) {}

  open(events: LinkEvents): void {
    this.events = events;
    if (!this.isListening) this.listen();
    for (const tell of this.held.splice(0)) tell(events);
  }

  detach(): void {
    this.events = undefined;
  }

  write({ pieces }: Chunk): boolean {
    sendChunk(pieces, this.engine);
    return !this.isBusy();
  }

  abstract close(reason: string): void;

  protected abstract readonly engine: Engine;
  /** Whether the Socket.IO socket is connected. */
  protected abstract readonly isConnected: boolean;
  /** How many listeners Socket.IO and this library add themselves. */
  protected abstract readonly listeners: { readonly packet: number; readonly data: number };

  /** Whether sent chunks wait because the transport is busy. */
  protected abstract isBusy(): boolean;

  /** Calls `onDrain` each time the waiting chunks have gone to the transport, until `stopDrain`. */
  protected abstract watchDrain(): void;
  protected abstract stopDrain(): void;

  protected readonly onDrain = (): void => {
    if (!this.isBusy()) this.events?.onWritable();
  };

  private listen(): void {
    const { emitter, decoder } = this;
    this.isListening = true;
    this.watchDrain();
    emitter.on('disconnect', this.onDisconnect);
    decoder.takeChunk = this.onChunk;
    if (!this.isConnected) this.onDisconnect('transport close');
  }

  private readonly onChunk = (chunk: Buffer): void => {
    if (this.events === undefined) {
      this.report((events) => events.onChunk(chunk));
      return;
    }
    if (chunk.length < LEAST_RELEASED || !this.ownsChunks()) {
      this.events.onChunk(chunk);
      return;
    }
    this.releasable = chunk;
    this.events.onChunk(chunk, this.release);
    this.releasable = undefined;
  };

  /** One function for all chunks of the link, which saves an allocation for each chunk. */
  private readonly release = (): void => {
    if (this.releasable === undefined) return;
    releaseMemory(this.releasable);
    this.releasable = undefined;
  };

  private report(tell: (events: LinkEvents) => void): void {
    if (this.events === undefined) this.held.push(tell);
    else tell(this.events);
  }

  /** Whether only this link has the received bytes. A user may add listeners at any level of the connection. */
  private ownsChunks(): boolean {
    const { engine } = this;
    const { transport } = engine;
    if (!isStreamTransport(transport) || !transport.ownsReads) return false;
    const { packet, data } = this.listeners;
    return (
      engine.listeners('packet').length === packet &&
      engine.listeners('data').length === data &&
      engine.listeners('message').length === 0
    );
  }

  private readonly onDisconnect = (reason: unknown): void => {
    this.decoder.takeChunk = undefined;
    this.stopDrain();
    this.emitter.off('disconnect', this.onDisconnect);
    this.report((events) => events.onBroken(String(reason), INTENDED.has(reason)));
  };
}

/** The members of a server's Engine.IO socket, including some that its types do not have. */
type AcceptedEngine = Pick<ServerSocket['conn'], 'on' | 'off'> & Engine;

class AcceptedLink extends SocketLink {
  protected readonly engine: AcceptedEngine;
  protected readonly listeners = { packet: 0, data: 1 };

  constructor(private readonly socket: ServerSocket) {
    super(socket, (socket.client as unknown as Decoding).decoder);
    this.engine = socket.conn as unknown as AcceptedEngine;
  }

  close(): void {
    this.socket.disconnect(true);
  }

  protected get isConnected(): boolean {
    return this.socket.connected;
  }

  protected isBusy(): boolean {
    return this.engine.writeBuffer.length > MOST_WAITING;
  }

  protected watchDrain(): void {
    this.engine.on('drain', this.onDrain);
  }

  protected stopDrain(): void {
    this.engine.off('drain', this.onDrain);
  }
}

class DialedLink extends SocketLink {
  protected readonly engine: ClientSocket['io']['engine'];
  /** `Dial` listens to each packet for its heartbeat. */
  protected readonly listeners = { packet: 1, data: 1 };
  private readonly stream: Socket | undefined;

  constructor(private readonly socket: ClientSocket) {
    super(socket, (socket.io as unknown as Decoding).decoder);
    this.engine = socket.io.engine;
    this.stream = streamOfWebSocket(this.engine.transport);
  }

  close(): void {
    const { engine, socket } = this;
    if (engine.readyState !== 'open') return;
    const grace = setTimeout(() => void socket.disconnect(), CLOSE_GRACE_MS);
    engine.once('close', () => clearTimeout(grace));
    // Closing the socket would drop messages that wait for the transport, including the reason for the end.
    engine.close();
  }

  protected get isConnected(): boolean {
    return this.socket.connected;
  }

  protected isBusy(): boolean {
    // Engine.IO's buffer also holds the messages that the transport is writing, until the end of the turn.
    return this.engine.writeBuffer.length > MOST_WAITING + 1 || this.stream?.writableNeedDrain === true;
  }

  protected watchDrain(): void {
    this.engine.on('drain', this.onDrain);
    this.stream?.on('drain', this.onDrain);
  }

  protected stopDrain(): void {
    this.engine.off('drain', this.onDrain);
    this.stream?.off('drain', this.onDrain);
  }
}

/** The parameter of the upgrade's query with which a client tells that it sends chunks. */
export const N2N_QUERY: Readonly<Record<string, string>> = { n2n: '1' };

/** Whether a client sends chunks. Otherwise it is a stock Socket.IO client. */
export function speaksChunks(socket: ServerSocket): boolean {
  return socket.handshake.query['n2n'] !== undefined;
}

/** The link over an accepted connection of a client that `speaksChunks`. */
export function acceptedLink(socket: ServerSocket): Link {
  return new AcceptedLink(socket);
}

/** The link over a connection that this client opened. */
export function dialedLink(socket: ClientSocket): Link {
  return new DialedLink(socket);
}

/**
 * Engine.IO's WebSocket client emits `drain` at the end of each turn, even if the connection is full. The underlying stream has
 * the correct state. (`ws` calls it `_socket`, and Engine.IO uses this name, too.)
 */
function streamOfWebSocket(transport: unknown): Socket | undefined {
  return (transport as { ws?: { _socket?: Socket } | null }).ws?._socket;
}

/** The decoder of the `parser` option. Socket.IO's types declare it private. */
interface Decoding {
  readonly decoder: N2NDecoder;
}

/** The members that both of Engine.IO's sockets have. */
interface Engine {
  readonly transport: unknown;
  /** The messages that wait until the transport is writable. */
  readonly writeBuffer: readonly unknown[];
  send(data: unknown): void;
  listeners(event: 'packet' | 'packetCreate' | 'data' | 'message'): readonly unknown[];
}

function isStreamTransport(transport: unknown): transport is StreamServerTransport | StreamClientTransport {
  return transport instanceof StreamServerTransport || transport instanceof StreamClientTransport;
}

/**
 * The transports of this library take a chunk in several pieces, and send it immediately. Engine.IO would send all chunks after
 * the first one at the end of the turn, and the other side would be idle until then. With 512 calls in flight, this makes 1.18
 * times as many calls per second. For listeners on Engine.IO's packets, each chunk is still one message.
 */
function sendChunk(pieces: readonly Buffer[], engine: Engine): void {
  const { transport } = engine;
  if (!isStreamTransport(transport) || engine.listeners('packetCreate').length > 0) {
    engine.send(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces));
  } else if (engine.writeBuffer.length > 0 || !transport.sendNow(pieces)) {
    engine.send(pieces);
  }
}
