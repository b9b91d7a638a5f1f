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
 * As many chunks may wait while the transport is busy: they leave as one write, and what is small and urgent waits no
 * longer than they take.
 */
const MOST_WAITING = 3;

/** Socket.IO's reasons, on either side, that somebody has ended the connection on purpose, and not the network. */
const INTENDED: ReadonlySet<unknown> = new Set([
  'io server disconnect',
  'io client disconnect',
  'server namespace disconnect',
  'client namespace disconnect',
  'server shutting down',
]);

/** What either side's link does with its Socket.IO socket, which has these of an emitter. */
interface SocketEvents {
  on(event: string, listener: Listener): unknown;
  off(event: string, listener: Listener): unknown;
}

/**
 * Chunks as bare binary messages of Engine.IO, which mean nothing in Socket.IO's own encoding. They go past `emit` and
 * dispatch, which would cost two `nextTick`, five emitters and four objects; with one call at a time, a chunk is a call.
 */
abstract class SocketLink implements Link {
  private events: LinkEvents | undefined = undefined;
  private isListening = false;
  /** What came while nobody was there. */
  private held: ((events: LinkEvents) => void)[] = [];
  /** The long chunk that is being delivered, while nobody else has it. */
  private releasable: Buffer | undefined = undefined;

  /** @param decoder reads what comes to the socket */
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
  /** Whether Socket.IO's connection is there. */
  protected abstract readonly isConnected: boolean;
  /** How many listeners Socket.IO and this library have there themselves. */
  protected abstract readonly listeners: { readonly packet: number; readonly data: number };

  /** Whether what was sent waits because the transport is busy. */
  protected abstract isBusy(): boolean;

  /** Calls `onDrain` after each time that what waited has gone to the transport, until `stopDrain`. */
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

  /** One function for all chunks of the link: a closure for each would be an allocation for each. */
  private readonly release = (): void => {
    if (this.releasable === undefined) return;
    releaseMemory(this.releasable);
    this.releasable = undefined;
  };

  private report(tell: (events: LinkEvents) => void): void {
    if (this.events === undefined) this.held.push(tell);
    else tell(this.events);
  }

  /** Whether nobody but us has what came: a user may watch the connection, at any of its levels. */
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

/** What a server's Engine.IO socket has, some of it besides its types. */
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
  /** `Dial` takes each packet for a sign of life. */
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
    // And not the socket, which drops what waits for the transport: the reason for the end would be among that.
    engine.close();
  }

  protected get isConnected(): boolean {
    return this.socket.connected;
  }

  protected isBusy(): boolean {
    // Engine.IO's buffer also holds what the transport is just writing, until the end of the turn.
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

/** The parameter of the upgrade's query by which a client says that it speaks in chunks. */
export const N2N_QUERY: Readonly<Record<string, string>> = { n2n: '1' };

/** Whether a client speaks in chunks. Otherwise it is a stock one of Socket.IO's. */
export function speaksChunks(socket: ServerSocket): boolean {
  return socket.handshake.query['n2n'] !== undefined;
}

/** The link over a connection that a Socket.IO server accepted, of a client that `speaksChunks`. */
export function acceptedLink(socket: ServerSocket): Link {
  return new AcceptedLink(socket);
}

/** The link over a connection that a client dialed. */
export function dialedLink(socket: ClientSocket): Link {
  return new DialedLink(socket);
}

/**
 * Engine.IO's WebSocket client tells `drain` at the end of each turn, whether or not the connection takes any more; the
 * stream under it knows. (`ws` calls it `_socket`, and so does Engine.IO when it reaches for it.)
 */
function streamOfWebSocket(transport: unknown): Socket | undefined {
  return (transport as { ws?: { _socket?: Socket } | null }).ws?._socket;
}

/** Socket.IO's types call it private; it is what its `parser` option has made. */
interface Decoding {
  readonly decoder: N2NDecoder;
}

/** What both of Engine.IO's sockets have. */
interface Engine {
  readonly transport: unknown;
  /** What waits until the transport can be written to. */
  readonly writeBuffer: readonly unknown[];
  send(data: unknown): void;
  listeners(event: 'packet' | 'packetCreate' | 'data' | 'message'): readonly unknown[];
}

function isStreamTransport(transport: unknown): transport is StreamServerTransport | StreamClientTransport {
  return transport instanceof StreamServerTransport || transport instanceof StreamClientTransport;
}

/**
 * Our transports take a chunk in several pieces, and at once. Through Engine.IO, all but the first chunk of a turn would
 * leave at the end of the turn, when the other side has long been without work: 512 calls in flight are 1.18 times as many
 * calls a second. A user who watches what Engine.IO sends is shown each chunk as what it is to it, one message.
 */
function sendChunk(pieces: readonly Buffer[], engine: Engine): void {
  const { transport } = engine;
  if (!isStreamTransport(transport) || engine.listeners('packetCreate').length > 0) {
    engine.send(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces));
  } else if (engine.writeBuffer.length > 0 || !transport.sendNow(pieces)) {
    engine.send(pieces);
  }
}
