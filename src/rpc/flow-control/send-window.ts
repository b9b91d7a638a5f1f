import { N2NError } from '../../n2n-error.js';
import type { ChunkWriter } from '../../protocol/frames/chunk-writer.js';
import { FLAG_LAST, FRAME_HEADER_BYTES, FrameType, INITIAL_CREDIT } from '../../protocol/frames/frame.js';
import { Fifo } from '../../protocol/buffers/fifo.js';
import { countFrames } from '../../protocol/frames/frame-count.js';
import { FrameQueue } from '../../protocol/frames/frame-queue.js';
import { FRAGMENT_BYTES } from '../../protocol/frames/frame-writer.js';
import { FragmentedBody } from '../../protocol/frames/fragmented-body.js';
import type { EncodedValue } from '../../protocol/values/value.js';

/** What a send window writes to: the peer's session. */
export interface FrameSink {
  /** Where frames go that may leave now. */
  writer(): ChunkWriter;
  /** Sends whole frames that were written elsewhere. */
  writeFrames(frames: Buffer): void;
  /** Asks to be pulled when the link takes more. */
  requestPull(sendWindow: SendWindow): void;
  /** Asks whether a body may begin. When it may not yet, the send window is resumed once another body has ended. */
  beginBody(sendWindow: SendWindow): boolean;
  /** A body that had begun has been sent, or was cut short. */
  endBody(): void;
}

/** How many bytes of values may wait for credit in one call. */
export const MAX_QUEUED_BYTES = 64 * 1024 * 1024;

/**
 * How many bytes of a body may be on their way before the other side has taken them. What is small and urgent waits
 * behind them: with the whole credit, 1 MiB, the median small call beside a large one took four times as long.
 */
const MOST_AHEAD = 4 * FRAGMENT_BYTES;

/**
 * With more than this written and not taken by the link, the values of streams wait in their calls, credit or not: what
 * waits in one place for all of them is bounded, and beyond the bound the session ends.
 */
const MOST_UNSENT = INITIAL_CREDIT.bytes;

/** The most that a side may be granted: more is a fault, or an attack. */
const MAX_CREDIT = 2 ** 31 - 1;

/**
 * What one call sends in one direction beyond a single short value: the values of a stream, and values in fragments. It
 * leaves in order, as far as the other side has granted credit, and waits here, bounded, for more.
 *
 * Short values that wait stand encoded in slabs, as the frames that they will be: a million numbers are a few megabytes
 * and no objects.
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

  /** Whether a value that is written now leaves now. */
  get isReady(): boolean {
    return this.queue.size === 0 && this.hasCredit && this.sink.writer().pendingBytes <= MOST_UNSENT;
  }

  private get hasCredit(): boolean {
    return this.items > 0 && this.bytes > 0;
  }

  /**
   * Sends a value as soon as there is credit.
   * @throws N2NError `PAYLOAD_TOO_LARGE`; `OVERLOADED` when more waits than may wait
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

  /** As `end`, with a body that is too long for one frame. */
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

  /** @throws N2NError `PROTOCOL_ERROR` when more is granted than any side could mean */
  grant(items: number, bytes: number): void {
    this.items += items;
    this.bytes += bytes;
    if (this.items > MAX_CREDIT || this.bytes > MAX_CREDIT) {
      throw new N2NError('PROTOCOL_ERROR', 'The other side grants more credit than there can be.');
    }
    if (this.queue.size > 0) this.requestPull();
    else this.becomeReady();
  }

  /** Calls back once a value that is written leaves at once. There is one such wait at a time. */
  whenReady(callback: () => void): void {
    this.onReady = callback;
    this.becomeReady();
  }

  /** Forgets what waits: the call is over. Whoever waits to write is let go, and finds the call over. */
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

  /** A body may begin now. @returns whether one is going to */
  resume(): boolean {
    const canBegin = this.queue.size > 0 && this.hasRoomAhead;
    if (canBegin) this.requestPull();
    return canBegin;
  }

  /**
   * The link takes more: sends up to one fragment's worth.
   * @returns whether something left; what is still there asks to be pulled again
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

  /** @returns how many bytes left */
  private pullFrames(frames: FrameQueue): number {
    const chunk = frames.peek();
    // Frames that end the call need no credit; `countFrames` stops in front of the first that has none.
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

  /** @returns how many bytes left */
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

  /** Behind everything that waits already. */
  private writeBehind(type: FrameType, flags: number, value: EncodedValue): void {
    const tail = this.tail();
    const before = tail.pendingBytes;
    const long = tail.writeValue(type, flags, this.id, value);
    this.queuedBytes += tail.pendingBytes - before;
    if (tail.pendingBytes === 0) this.queue.pop();
    if (long === undefined) this.requestPull();
    else this.enqueue(long);
  }

  /** Where short values wait: behind everything that waits already. */
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
      // What it waits for is the link, which pulls.
      this.requestPull();
    }
  }
}
