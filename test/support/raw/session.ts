import type { Socket } from 'node:net';
import { FrameType } from '../../../src/protocol/frames/frame.js';
import { PROTOCOL_VERSION } from '../../../src/protocol/frames/hello.js';
import { frame, framesOf, type SeenFrame } from '../fake-link.js';
import { PacketKind, type Framing, type RawPacket } from './framing.js';

/** What a frame is to be; what is left out may be anything. */
type FrameMatch = Partial<Pick<SeenFrame, 'type' | 'id'>>;

interface Waiting {
  readonly match: (packet: RawPacket | SeenFrame) => boolean;
  readonly resolve: (found: never) => void;
  readonly reject: (error: Error) => void;
}

/** HELLO, right but for what is given. */
export function rawHello(rest: object = { maxPayload: 4_000_000 }, version = PROTOCOL_VERSION): Buffer {
  const head = Buffer.from([version >>> 8, version & 0xff]);
  return frame(FrameType.HELLO, 0, 0, Buffer.concat([head, Buffer.from(JSON.stringify(rest))]));
}

/** One end of a connection past its HTTP Upgrade, on which a test writes what it likes and reads what comes. */
export class RawSession {
  /** What came and was not taken, in order: packets that are text, and the frames of chunks. */
  private readonly came: (RawPacket | SeenFrame)[] = [];
  private waiting: Waiting[] = [];
  private isOver = false;
  /** Settles when the other side has ended its half. */
  readonly ended: Promise<void>;

  constructor(
    readonly socket: Socket,
    private readonly framing: Framing,
    early: Buffer,
  ) {
    this.ended = new Promise((resolve) => {
      const over = (): void => {
        this.isOver = true;
        for (const { reject } of this.waiting.splice(0)) reject(new Error('the connection has ended'));
        resolve();
      };
      socket.once('end', over);
      socket.once('close', over);
    });
    socket.on('data', (bytes) => this.onData(bytes));
    if (early.length > 0) this.onData(early);
    socket.resume();
  }

  /** Sends frames, together as one chunk. */
  send(...frames: Buffer[]): void {
    this.sendPacket(PacketKind.MESSAGE, Buffer.concat(frames));
  }

  sendPacket(kind: number, data: string | Buffer = ''): void {
    this.socket.write(this.bytesOf(kind, data));
  }

  /** A packet as bytes, for a test that slices them. */
  bytesOf(kind: number, data: string | Buffer): Buffer {
    return this.framing.write({ kind, data });
  }

  /** The first frame that matches and was not taken yet, as soon as it is there. */
  frame(match: FrameMatch): Promise<SeenFrame> {
    return this.take<SeenFrame>(
      (came) =>
        'type' in came &&
        (match.type === undefined || came.type === match.type) &&
        (match.id === undefined || came.id === match.id),
    );
  }

  packet(kind: number): Promise<RawPacket> {
    return this.take<RawPacket>((came) => 'kind' in came && came.kind === kind);
  }

  /** The frames that are there and were not taken. */
  takeFrames(match: FrameMatch = {}): SeenFrame[] {
    const taken: SeenFrame[] = [];
    for (const came of this.came.splice(0)) {
      const fits =
        'type' in came &&
        (match.type === undefined || came.type === match.type) &&
        (match.id === undefined || came.id === match.id);
      if (fits) taken.push(came);
      else this.came.push(came);
    }
    return taken;
  }

  private take<Found>(match: Waiting['match']): Promise<Found> {
    const index = this.came.findIndex(match);
    if (index >= 0) return Promise.resolve(this.came.splice(index, 1)[0] as Found);
    if (this.isOver) return Promise.reject(new Error('the connection has ended'));
    return new Promise<Found>((resolve, reject) => this.waiting.push({ match, resolve, reject }));
  }

  private onData(bytes: Buffer): void {
    for (const packet of this.framing.read(bytes)) {
      // WebSocket's goodbye waits for an answer; the end of the stream is one.
      if (packet.kind === PacketKind.CLOSE) this.socket.end();
      else if (packet.kind === PacketKind.PING) this.sendPacket(PacketKind.PONG);
      else if (typeof packet.data === 'string') this.onCame(packet);
      else for (const seen of framesOf(packet.data)) this.onCame(seen);
    }
  }

  private onCame(came: RawPacket | SeenFrame): void {
    const index = this.waiting.findIndex(({ match }) => match(came));
    if (index < 0) this.came.push(came);
    else this.waiting.splice(index, 1)[0]?.resolve(came as never);
  }
}
