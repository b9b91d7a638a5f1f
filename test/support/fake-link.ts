import type { Chunk, Link, LinkEvents } from '../../src/session/link.js';
import { readChunk } from '../../src/protocol/frames/chunk-reader.js';
import { releaseMemory } from '../../src/transport/engine/release-memory.js';

/** A frame as it went over a link, its body copied. */
export interface SeenFrame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly body: Buffer;
}

/** The frames of a chunk. */
export function framesOf(chunk: Buffer): SeenFrame[] {
  const frames: SeenFrame[] = [];
  readChunk(chunk, {
    onFrame: (type, flags, id, from, start, end) => {
      frames.push({ type, flags, id, body: Buffer.from(from.subarray(start, end)) });
    },
  });
  return frames;
}

/** A frame as bytes, however wrong. */
export function frame(type: number, flags: number, id: number, body: Uint8Array | string = ''): Buffer {
  const bytes = Buffer.from(body as string);
  const header = Buffer.alloc(10);
  header[0] = type;
  header[1] = flags;
  header.writeUInt32BE(id, 2);
  header.writeUInt32BE(bytes.length, 6);
  return Buffer.concat([header, bytes]);
}

/** A link whose other end is the test. */
export class FakeLink implements Link {
  readonly written: Buffer[] = [];
  closedWith: string | undefined;
  /** What `write` answers: false plays a transport that is full. */
  takes = true;
  /** Whether nobody else has the chunks that come. */
  isUnshared = true;
  private events: LinkEvents | undefined;
  private held: ((events: LinkEvents) => void)[] = [];
  private isBroken = false;

  open(events: LinkEvents): void {
    this.events = events;
    for (const tell of this.held.splice(0)) tell(events);
  }

  detach(): void {
    this.events = undefined;
  }

  write({ pieces }: Chunk): boolean {
    if (!this.isBroken) this.written.push(Buffer.concat(pieces));
    return this.takes;
  }

  close(reason: string): void {
    this.closedWith ??= reason;
    this.break('closed here', true);
  }

  /** Chunks of the other side arrive. */
  receive(...chunks: Buffer[]): void {
    for (const chunk of chunks) {
      const release = this.isUnshared ? () => releaseMemory(chunk) : undefined;
      this.report((events) => events.onChunk(chunk, release));
    }
  }

  drain(): void {
    this.takes = true;
    this.events?.onWritable();
  }

  break(reason: string, isIntended = false): void {
    if (this.isBroken) return;
    this.isBroken = true;
    this.report((events) => events.onBroken(reason, isIntended));
  }

  private report(tell: (events: LinkEvents) => void): void {
    if (this.events === undefined) this.held.push(tell);
    else tell(this.events);
  }

  /** Takes the frames that were written since the last time. */
  takeFrames(): SeenFrame[] {
    return this.written.splice(0).flatMap(framesOf);
  }
}

/** When chunks arrive at the other end: at once, or when it takes them. */
export type Delivery = 'at once' | 'in turns';

/** Two links, each the other end of the other. */
export function linkPair(delivery: Delivery = 'at once'): [CrossedLink, CrossedLink] {
  const [left, right] = [new CrossedLink(delivery), new CrossedLink(delivery)];
  left.other = right;
  right.other = left;
  return [left, right];
}

export class CrossedLink extends FakeLink {
  other: CrossedLink | undefined;
  private readonly arrived: Buffer[] = [];
  private isOpen = false;

  constructor(private readonly delivery: Delivery) {
    super();
  }

  override open(events: LinkEvents): void {
    super.open(events);
    this.isOpen = true;
    if (this.delivery === 'at once') this.deliver();
  }

  /** Takes what has arrived by now. */
  deliver(): void {
    this.receive(...this.arrived.splice(0));
  }

  override write(chunk: Chunk): boolean {
    const taken = super.write(chunk);
    this.other?.arrive(Buffer.concat(chunk.pieces));
    return taken;
  }

  override close(reason: string): void {
    super.close(reason);
    this.other?.break(reason);
  }

  private arrive(chunk: Buffer): void {
    this.arrived.push(chunk);
    if (this.isOpen && this.delivery === 'at once') this.deliver();
  }
}
