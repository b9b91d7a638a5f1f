import { describe, expect, test } from 'vitest';
import { FRAGMENT_BYTES, INITIAL_CREDIT, MAX_QUEUED_BYTES } from '../../src/limits.js';
import { SendWindow, type FrameSink } from '../../src/rpc/flow-control/send-window.js';
import { ChunkWriter } from '../../src/protocol/frames/chunk-writer.js';
import {
  FLAG_LAST,
  FRAGMENT_PREFIX_BYTES,
  FrameType,
  VALUE_FORM_MASK,
} from '../../src/protocol/frames/frame.js';
import { decodeValue } from '../../src/protocol/values/value.js';
import { framesOf, type SeenFrame } from '../support/fake-link.js';
import { n2nErrorThrown } from '../support/outcome.js';

/** Where a send window writes to, pulled by hand. */
class RecordingFrames implements FrameSink {
  readonly requested: SendWindow[] = [];
  bodies = 0;
  mayBegin = true;
  private readonly frames = new ChunkWriter(Number.MAX_SAFE_INTEGER);
  private readonly seen: SeenFrame[] = [];

  writer(): ChunkWriter {
    return this.frames;
  }

  writeFrames(frames: Buffer): void {
    this.collect();
    this.seen.push(...framesOf(frames));
  }

  requestPull(sendWindow: SendWindow): void {
    this.requested.push(sendWindow);
  }

  beginBody(): boolean {
    if (this.mayBegin) this.bodies += 1;
    return this.mayBegin;
  }

  endBody(): void {
    this.bodies -= 1;
  }

  /** Lets whoever asks for it send, until nobody can. */
  pullAll(): void {
    for (let next = this.requested.shift(); next !== undefined; next = this.requested.shift()) next.pull();
  }

  /** The frames that have left since the last time. */
  take(): SeenFrame[] {
    this.collect();
    return this.seen.splice(0);
  }

  private collect(): void {
    for (let chunk = this.frames.take(); chunk !== undefined; chunk = this.frames.take()) {
      this.seen.push(...framesOf(Buffer.concat(chunk.pieces)));
    }
  }
}

function start(maxPayload = Number.MAX_SAFE_INTEGER): { sink: RecordingFrames; out: SendWindow } {
  const sink = new RecordingFrames();
  return { sink, out: new SendWindow(7, sink, () => maxPayload) };
}

function valuesOf(frames: readonly SeenFrame[]): unknown[] {
  return frames.map(({ flags, body }) => decodeValue(flags & VALUE_FORM_MASK, body, 0, body.length));
}

function send(out: SendWindow, from: number, to: number): void {
  for (let value = from; value < to; value++) out.write(FrameType.NEXT, 0, String(value));
}

const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, at) => from + at);

describe('items', () => {
  test('leave as far as they were granted, and the rest in order as more is', () => {
    const { sink, out } = start();
    send(out, 0, 1000);
    sink.pullAll();
    expect(valuesOf(sink.take())).toEqual(numbers(0, INITIAL_CREDIT.items));
    expect(out.isReady).toBe(false);
    out.grant(1, 0);
    sink.pullAll();
    expect(valuesOf(sink.take())).toEqual([256]);
    out.grant(10_000, 0);
    sink.pullAll();
    expect(valuesOf(sink.take())).toEqual(numbers(257, 1000));
    expect(out.isReady).toBe(true);
  });

  test('a value that comes when others wait does not overtake them', () => {
    const { sink, out } = start();
    send(out, 0, 257);
    out.grant(5, 0);
    // Granted, but not pulled yet.
    send(out, 257, 258);
    sink.pullAll();
    expect(valuesOf(sink.take())).toEqual(numbers(0, 258));
  });

  test('the end follows them, and needs no credit', () => {
    const { sink, out } = start();
    send(out, 0, 257);
    let ended = 0;
    out.end(FrameType.NEXT, FLAG_LAST, '"last"', () => (ended += 1));
    sink.pullAll();
    expect([sink.take().length, ended]).toEqual([256, 0]);
    out.grant(1, 0);
    sink.pullAll();
    expect([valuesOf(sink.take()), ended]).toEqual([[256, 'last'], 1]);
  });

  test('the end of a send window from which nothing waits leaves at once, without credit', () => {
    const { sink, out } = start();
    send(out, 0, 256);
    let ended = 0;
    out.end(FrameType.COMPLETE, 0, undefined, () => (ended += 1));
    expect([sink.take().length, ended]).toEqual([257, 1]);
  });
});

describe('bytes', () => {
  test('the last value may take more than are left, the next one waits', () => {
    const { sink, out } = start();
    // 17 of these are 1 088 000 bytes, of 1 048 576.
    for (let index = 0; index < 20; index++) out.write(FrameType.NEXT, 0, Buffer.alloc(64_000, index));
    sink.pullAll();
    expect(sink.take()).toHaveLength(17);
    // The debt is paid first.
    out.grant(0, 39_424);
    sink.pullAll();
    expect(sink.take()).toEqual([]);
    out.grant(0, 1);
    sink.pullAll();
    expect(sink.take()).toHaveLength(1);
  });

  test('a value in fragments takes an item and its bytes, a fragment at a time', () => {
    const { sink, out } = start();
    const value = Buffer.alloc(18 * FRAGMENT_BYTES - FRAGMENT_PREFIX_BYTES, 'v');
    out.write(FrameType.NEXT, 0, value);
    out.write(FrameType.NEXT, 0, '"behind"');
    sink.pullAll();
    // No more than these are under way, though the credit would allow four times as much.
    expect(sink.take()).toHaveLength(4);
    expect(sink.bodies).toBe(1);
    out.grant(0, 4);
    sink.pullAll();
    expect(sink.take()).toEqual([]);
    for (let granted = 0; granted < 3; granted++) {
      out.grant(0, 4 * FRAGMENT_BYTES);
      sink.pullAll();
      expect(sink.take()).toHaveLength(4);
    }
    out.grant(0, 4 * FRAGMENT_BYTES);
    sink.pullAll();
    const frames = sink.take();
    expect(frames.map(({ body }) => body.length)).toEqual([FRAGMENT_BYTES, FRAGMENT_BYTES, 8]);
    expect(valuesOf(frames.slice(-1))).toEqual(['behind']);
    expect(sink.bodies).toBe(0);
  });

  test('a body that may not begin waits, with all that is behind it', () => {
    const { sink, out } = start();
    sink.mayBegin = false;
    out.write(FrameType.NEXT, 0, Buffer.alloc(2 * FRAGMENT_BYTES));
    send(out, 0, 3);
    sink.pullAll();
    expect(sink.take()).toEqual([]);
    sink.mayBegin = true;
    expect(out.resume()).toBe(true);
    sink.pullAll();
    expect(sink.take()).toHaveLength(3 + 3);
    expect(out.resume()).toBe(false);
  });
});

describe('bounds', () => {
  test('more than may wait is refused', () => {
    const { out } = start();
    const value = 'x'.repeat(60_000);
    const error = n2nErrorThrown(() => {
      for (let sum = 0; sum <= 2 * MAX_QUEUED_BYTES; sum += value.length) {
        out.write(FrameType.NEXT, 0, `"${value}"`);
      }
    }, 'OVERLOADED');
    expect(error.message).toContain('async generator');
  });

  test('what has left counts no longer', () => {
    const { sink, out } = start();
    const value = Buffer.alloc(1024 * 1024);
    for (let sum = 0; sum <= 3 * MAX_QUEUED_BYTES; sum += value.length) {
      out.write(FrameType.NEXT, 0, value);
      out.grant(1, 2 * value.length);
      sink.pullAll();
      sink.take();
    }
    expect(out.isReady).toBe(true);
  }, 60_000);

  test('a value over the limit of the other side is refused while others wait, too', () => {
    const { out } = start(10);
    send(out, 0, 256);
    n2nErrorThrown(() => out.write(FrameType.NEXT, 0, '"0123456789"'), 'PAYLOAD_TOO_LARGE');
  });

  test.each([
    ['items', 2 ** 31 - 1 - INITIAL_CREDIT.items, 0],
    ['bytes', 0, 2 ** 31 - 1 - INITIAL_CREDIT.bytes],
  ])('2^31 - 1 %s may be granted, in sum, and not one more', (_name, items, bytes) => {
    const { out } = start();
    out.grant(items, bytes);
    n2nErrorThrown(() => out.grant(Math.sign(items), Math.sign(bytes)), 'PROTOCOL_ERROR');
  });
});

describe('who waits to write', () => {
  test('is called once there is credit and nothing waits, once', () => {
    const { sink, out } = start();
    let called = 0;
    send(out, 0, 257);
    out.whenReady(() => (called += 1));
    out.grant(1, 0);
    sink.pullAll();
    expect(called).toBe(0);
    out.grant(1, 0);
    out.grant(1, 0);
    expect(called).toBe(1);
  });

  test('is called once the link has taken what was written before, though there is credit', () => {
    const { sink, out } = start();
    for (let sum = 0; sum <= INITIAL_CREDIT.bytes; sum += 40_000) {
      sink.writer().writeValue(FrameType.NEXT, 0, 9, Buffer.alloc(40_000));
    }
    expect(out.isReady).toBe(false);
    let called = 0;
    out.whenReady(() => (called += 1));
    // A value that comes all the same waits for its turn behind the others.
    send(out, 0, 2);
    expect(sink.take().every(({ id }) => id === 9)).toBe(true);
    expect(called).toBe(0);
    sink.pullAll();
    expect([called, valuesOf(sink.take()), out.isReady]).toEqual([1, [0, 1], true]);
  });

  test('is called at once where that is so already, and when the call is over', () => {
    const { sink, out } = start();
    let called = 0;
    out.whenReady(() => (called += 1));
    expect(called).toBe(1);
    send(out, 0, 300);
    out.whenReady(() => (called += 1));
    out.drop();
    sink.pullAll();
    expect([called, sink.take().length]).toEqual([2, 256]);
  });

  test('a body that was cut short has ended', () => {
    const { sink, out } = start();
    out.write(FrameType.NEXT, 0, Buffer.alloc(4 * FRAGMENT_BYTES));
    out.pull();
    expect(sink.bodies).toBe(1);
    out.drop();
    expect(sink.bodies).toBe(0);
  });
});
