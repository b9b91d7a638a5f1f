import { N2NError } from '../../n2n-error.js';
import { FRAGMENT_BYTES, INITIAL_CREDIT, MAX_CREDIT, MAX_QUEUED_BYTES } from '../../limits.js';
import type { ChunkWriter } from '../../protocol/frames/chunk-writer.js';
import { FLAG_LAST, FRAME_HEADER_BYTES, FrameType } from '../../protocol/frames/frame.js';
import { Fifo } from '../../protocol/buffers/fifo.js';
import { countFrames } from '../../protocol/frames/frame-count.js';
import { FrameQueue } from '../../protocol/frames/frame-queue.js';
import { FragmentedBody } from '../../protocol/frames/fragmented-body.js';
import type { EncodedValue } from '../../protocol/values/value.js';

/** Where a send window writes to: the session of the peer. */
export interface FrameSink {
  /** Takes frames that may leave now. */
  writer(): ChunkWriter;
  /** Sends whole frames that were written elsewhere. */
  writeFrames(frames: Buffer): void;
  /** Asks to be pulled when the link takes more. */
  requestPull(sendWindow: SendWindow): void;
  /** Asks whether a body may begin. If not, the send window is resumed once another body has ended. */
  beginBody(sendWindow: SendWindow): boolean;
  /** A body that had begun has been sent completely, or is dropped. */
  endBody(): void;
}

/**
 * How many bytes of a body may be on their way before the other side has taken them. Small calls wait behind these
 * bytes: with the whole credit, 1 MiB, the median small call beside a large one took four times as long.
 */
const MOST_AHEAD = 4 * FRAGMENT_BYTES;

/**
 * While more bytes than this are written and not taken by the link, the values of streams wait in their send windows,
 * also with credit. The session limits what waits in its writer for all calls, and ends above that limit.
 */
const MOST_UNSENT = INITIAL_CREDIT.bytes;

/**
 * The flow control of what one call sends beyond a single short value: the values of a stream, and values in fragments.
 * They are sent in order, as far as the other side has granted credit. The others wait here, up to a limit.
 *
 * Short values wait as encoded frames: a million numbers are a few megabytes, and not a million objects.
 */
export class SendWindow {
  private items: number = INITIAL_CREDIT.items;
  private bytes: number = INITIAL_CREDIT.bytes;
  private readonly queue = new Fifo<FrameQueue | FragmentedBody>();
  private queuedBytes = 0;
  private isPullRequested = false;
  private onReady: (() => void) | undefined = undefined;
  private onEmpty: (() => void) | undefined = undefined;

  constructor(
    private readonly id: number,
    private readonly sink: FrameSink,
    private readonly maxPayload: () => number,
  ) {}

  /** Whether a value leaves as soon as it is written. */
  get isReady(): boolean {
    return this.queue.size === 0 && this.hasCredit && this.sink.writer().pendingBytes <= MOST_UNSENT;
  }

  private get hasCredit(): boolean {
    return this.items > 0 && this.bytes > 0;
  }

  /**
   * Sends a value as soon as there is credit.
   * @throws N2NError `PAYLOAD_TOO_LARGE`; `OVERLOADED` when too many bytes wait
   */
  write(type: FrameType, flags: number, value: EncodedValue): void {
    if (this.isReady) {
      const writer = this.sink.writer();
      const before = writer.pendingBytes;
      const long = writer.writeValue(type, flags, this.id, value);
      if (long === undefined) this.spend(1, writer.pendingBytes - before - FRAME_HEADER_BYTES);
      else this.enqueue(long);
      return;
    }
    this.writeBehind(type, flags, value);
    if (this.queuedBytes > MAX_QUEUED_BYTES) {
      throw new N2NError(
        'OVERLOADED',
        `More than ${MAX_QUEUED_BYTES} bytes of the stream wait for a caller that does not take them. ` +
          'Return an async generator, which is held back, in place of an Observable, which cannot be.',
      );
    }
  }

  /** Sends the frame that ends the call, after everything that waits. It needs no credit. */
  end(type: FrameType, flags: number, value: EncodedValue, onEmpty: () => void): void {
    if (this.queue.size === 0) {
      const long = this.sink.writer().writeValue(type, flags, this.id, value);
      if (long === undefined) {
        onEmpty();
        return;
      }
      this.enqueue(long);
    } else {
      this.writeBehind(type, flags, value);
    }
    this.onEmpty = onEmpty;
    this.requestPull();
  }

  /** Does the same as `end`, with a body that is too long for one frame. */
  endWith(body: FragmentedBody, onEmpty: () => void): void {
    this.onEmpty = onEmpty;
    this.enqueue(body);
  }

  /** Sends a body that is too long for one frame. */
  enqueue(body: FragmentedBody): void {
    this.queue.push(body);
    this.queuedBytes += body.missing;
    this.requestPull();
  }

  /** @throws N2NError `PROTOCOL_ERROR` when the credit exceeds `MAX_CREDIT` */
  grant(items: number, bytes: number): void {
    this.items += items;
    this.bytes += bytes;
    if (this.items > MAX_CREDIT || this.bytes > MAX_CREDIT) {
      throw new N2NError('PROTOCOL_ERROR', 'The other side grants more credit than there can be.');
    }
    if (this.queue.size > 0) this.requestPull();
    else this.becomeReady();
  }

  /** Calls back once a written value would leave at once. */
  whenReady(callback: () => void): void {
    const { onReady } = this;
    this.onReady =
      onReady === undefined
        ? callback
        : () => {
            onReady();
            callback();
          };
    this.becomeReady();
  }

  /** The call is over: forgets the waiting values, and calls back whoever waits to write. */
  drop(): void {
    const { first: head } = this.queue;
    this.queue.clear();
    if (head instanceof FragmentedBody && head.isBegun) this.sink.endBody();
    this.queuedBytes = 0;
    this.onEmpty = undefined;
    const { onReady } = this;
    this.onReady = undefined;
    onReady?.();
  }

  /** A body may begin now. @returns whether this send window is going to begin one */
  resume(): boolean {
    const canBegin = this.queue.size > 0 && this.hasRoomAhead;
    if (canBegin) this.requestPull();
    return canBegin;
  }

  /**
   * The link takes more: sends up to the length of one fragment, and asks for another pull if there is more.
   * @returns whether something was sent
   */
  pull(): boolean {
    this.isPullRequested = false;
    const head = this.queue.first;
    if (head === undefined) {
      this.becomeReady();
      return false;
    }
    const sent = head instanceof FrameQueue ? this.pullFrames(head) : this.pullFragment(head);
    if (this.queue.size > 0) {
      if (sent > 0) this.requestPull();
    } else {
      const { onEmpty } = this;
      this.onEmpty = undefined;
      onEmpty?.();
      this.becomeReady();
    }
    return sent > 0;
  }

  /** @returns the number of bytes sent */
  private pullFrames(frames: FrameQueue): number {
    const chunk = frames.peek();
    // Frames that end the call need no credit. `countFrames` stops in front of the first frame that lacks it.
    const taken = countFrames(chunk, FRAGMENT_BYTES, (type, flags, bytes) => {
      if (type !== FrameType.NEXT || (flags & FLAG_LAST) !== 0) return true;
      if (this.items <= 0 || this.bytes <= 0) return false;
      this.spend(1, bytes - FRAME_HEADER_BYTES);
      return true;
    });
    if (taken > 0) this.sink.writeFrames(frames.take(taken));
    this.queuedBytes -= taken;
    if (frames.pendingBytes === 0) this.queue.shift();
    return taken;
  }

  /** @returns the number of bytes sent */
  private pullFragment(body: FragmentedBody): number {
    if (!this.hasRoomAhead || (!body.isBegun && !this.sink.beginBody(this))) return 0;
    const size = this.sink.writer().writeFragment(body);
    this.queuedBytes -= size;
    this.spend(0, size);
    if (body.missing === 0) {
      this.queue.shift();
      this.sink.endBody();
      if (body.type === FrameType.NEXT && (body.flags & FLAG_LAST) === 0) this.spend(1, 0);
    }
    return size;
  }

  /** Whether a fragment may leave. */
  private get hasRoomAhead(): boolean {
    return INITIAL_CREDIT.bytes - this.bytes <= MOST_AHEAD - FRAGMENT_BYTES;
  }

  private spend(items: number, bytes: number): void {
    this.items -= items;
    this.bytes -= bytes;
  }

  /** Writes a value behind everything that waits. */
  private writeBehind(type: FrameType, flags: number, value: EncodedValue): void {
    const tail = this.tail();
    const before = tail.pendingBytes;
    const long = tail.writeValue(type, flags, this.id, value);
    this.queuedBytes += tail.pendingBytes - before;
    if (tail.pendingBytes === 0) this.queue.pop();
    if (long === undefined) this.requestPull();
    else this.enqueue(long);
  }

  /** The queue for short values, behind everything that waits. */
  private tail(): FrameQueue {
    const { last } = this.queue;
    if (last instanceof FrameQueue) return last;
    const tail = new FrameQueue(this.maxPayload());
    this.queue.push(tail);
    return tail;
  }

  private requestPull(): void {
    if (this.isPullRequested) return;
    this.isPullRequested = true;
    this.sink.requestPull(this);
  }

  private becomeReady(): void {
    const { onReady } = this;
    if (onReady === undefined) return;
    if (this.isReady) {
      this.onReady = undefined;
      onReady();
    } else if (this.queue.size === 0 && this.hasCredit) {
      // It only waits for the link, which pulls.
      this.requestPull();
    }
  }
}
