import type { Socket } from 'node:net';
import type { Socket as ServerSocket } from 'socket.io';
import type { Socket as ClientSocket } from 'socket.io-client';
import type { Chunk, Link, LinkEvents } from '../session/link.js';
import { CHUNK_EVENT, type N2NDecoder } from './n2n-parser.js';
import { StreamClientTransport } from './stream-client-transport.js';
import { StreamServerTransport } from './stream-server-transport.js';

type Listener = (...args: unknown[]) => void;

/**
 * As many chunks may wait while the transport is busy: they leave as one write, and what is small and urgent waits no
 * longer than they take.
 */
const MOST_WAITING = 3;

/** How long what was written before `close` may take to leave, in milliseconds, when the other side does not read. */
const FAREWELL = 1000;

/** Where chunks go to. */
interface ChunkTarget {
  /** Engine.IO's: a message that leaves as it is. */
  send(data: unknown): void;
  readonly transport: unknown;
}

/** What a link needs of the Socket.IO socket under it, whichever side it is of. */
interface ChunkSocket {
  readonly target: ChunkTarget;
  /** Reads what comes to the socket. */
  readonly decoder: N2NDecoder;
  on(event: string, listener: Listener): void;
  off(event: string, listener: Listener): void;
  /** Whether what was emitted waits because the transport is busy. */
  isBusy(): boolean;
  /** Calls back after each time that what waited has gone to the transport. @returns what ends that */
  onDrain(listener: () => void): () => void;
  disconnect(): void;
}

/** Socket.IO's reasons, on either side, that somebody has ended the connection on purpose, and not the network. */
const INTENDED: ReadonlySet<unknown> = new Set([
  'io server disconnect',
  'io client disconnect',
  'server namespace disconnect',
  'client namespace disconnect',
  'server shutting down',
]);

/**
 * Chunks as the Socket.IO event `n2n`, which `n2nParser` makes one bare binary message of. Chunks of a link go past
 * `emit` and dispatch, which would come to the same message after two `nextTick`, five emitters and four objects. With one
 * call at a time, a chunk is a call.
 */
class SocketLink implements Link {
  private events: LinkEvents | undefined = undefined;

  /** @param early chunks that came before anyone asked for a link */
  constructor(
    private readonly socket: ChunkSocket,
    private early: readonly Buffer[] = [],
  ) {}

  open(events: LinkEvents): void {
    if (this.events === undefined) this.listen(events);
    else this.events = events;
  }

  private listen(first: LinkEvents): void {
    const { socket } = this;
    this.events = first;
    const onChunk = (chunk: unknown): void => {
      // In Socket.IO's own encoding the event can carry anything; what is not bytes is nobody's.
      if (Buffer.isBuffer(chunk)) this.events?.onChunk(chunk);
    };
    const stopDrain = socket.onDrain(() => {
      if (!socket.isBusy()) this.events?.onDrained();
    });
    const onDisconnect = (reason: unknown): void => {
      socket.decoder.takeChunk = undefined;
      stopDrain();
      socket.off(CHUNK_EVENT, onChunk);
      socket.off('disconnect', onDisconnect);
      this.events?.onBroken(String(reason), INTENDED.has(reason));
    };
    // For chunks that were read together with the first one: the event was under way already.
    socket.on(CHUNK_EVENT, onChunk);
    socket.on('disconnect', onDisconnect);
    socket.decoder.takeChunk = (chunk) => this.events?.onChunk(chunk);
    const { early } = this;
    // Not kept: a chunk may be a view of a whole read, and the link lives as long as the connection.
    this.early = [];
    for (const chunk of early) onChunk(chunk);
  }

  write({ pieces }: Chunk): boolean {
    const { target } = this.socket;
    if (pieces.length === 1) target.send(pieces[0]);
    else target.send(gathers(target.transport) ? pieces : Buffer.concat(pieces));
    return !this.socket.isBusy();
  }

  close(): void {
    this.socket.disconnect();
  }
}

/**
 * Watches a connection that a Socket.IO server accepted for its first chunk. Until then it may be a stock client's, for
 * which no link is wanted.
 *
 * @param onLink is called once, with the link
 */
export function acceptLink(socket: ServerSocket, onLink: (link: Link) => void): void {
  const onFirst = (chunk: unknown): void => {
    if (!Buffer.isBuffer(chunk)) return;
    socket.off(CHUNK_EVENT, onFirst);
    onLink(new SocketLink(acceptedSocket(socket), [chunk]));
  };
  socket.on(CHUNK_EVENT, onFirst);
}

/** The link over a connection that a client dialled. */
export function dialledLink(socket: ClientSocket): Link {
  const { engine } = socket.io;
  const stream = streamOfWebSocket(engine.transport);
  return new SocketLink({
    target: engine,
    decoder: (socket.io as unknown as Decoding).decoder,
    on: (event, listener) => void socket.on(event, listener),
    off: (event, listener) => void socket.off(event, listener),
    // Engine.IO's buffer also holds what the transport is just writing, until the end of the turn.
    isBusy: () => engine.writeBuffer.length > MOST_WAITING + 1 || stream?.writableNeedDrain === true,
    onDrain: (listener) => {
      engine.on('drain', listener);
      stream?.on('drain', listener);
      return () => {
        engine.off('drain', listener);
        stream?.off('drain', listener);
      };
    },
    disconnect: () => {
      const grace = setTimeout(() => void socket.disconnect(), FAREWELL);
      engine.once('close', () => clearTimeout(grace));
      // And not the socket, which drops what waits for the transport: the reason for the end would be among that.
      engine.close();
    },
  });
}

/**
 * Engine.IO's WebSocket client tells `drain` at the end of each turn, whether or not the connection takes any more; the
 * stream under it knows. (`ws` calls it `_socket`, and so does Engine.IO when it reaches for it.)
 */
function streamOfWebSocket(transport: unknown): Socket | undefined {
  return (transport as { ws?: { _socket?: Socket } | null }).ws?._socket;
}

function acceptedSocket(socket: ServerSocket): ChunkSocket {
  // `writeBuffer`: what Engine.IO keeps while its transport is busy; empty as soon as it has gone there.
  const conn = socket.conn as unknown as { writeBuffer: unknown[] } & Pick<
    ServerSocket['conn'],
    'on' | 'off'
  >;
  return {
    target: socket.conn,
    decoder: (socket.client as unknown as Decoding).decoder,
    on: (event, listener) => void socket.on(event, listener),
    off: (event, listener) => void socket.off(event, listener),
    isBusy: () => conn.writeBuffer.length > MOST_WAITING,
    onDrain: (listener) => {
      conn.on('drain', listener);
      return () => void conn.off('drain', listener);
    },
    disconnect: () => void socket.disconnect(true),
  };
}

/** Socket.IO's types call it private; it is what its `parser` option has made. */
interface Decoding {
  readonly decoder: N2NDecoder;
}

/** Whether a transport takes data in several pieces: ours do, Engine.IO's do not. */
function gathers(transport: unknown): boolean {
  return transport instanceof StreamServerTransport || transport instanceof StreamClientTransport;
}
