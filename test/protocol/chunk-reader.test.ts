import { describe, expect, test } from 'vitest';
import { readChunk } from '../../src/protocol/frames/chunk-reader.js';
import { FrameType } from '../../src/protocol/frames/frame.js';
import { frame, framesOf } from '../support/fake-link.js';
import { n2nErrorThrown } from '../support/outcome.js';

test('100 000 frames in one chunk take no more stack than one', () => {
  const one = frame(FrameType.NEXT, 1, 5, '1');
  const chunk = Buffer.concat(Array.from({ length: 100_000 }, () => one));
  let count = 0;
  let depth: number | undefined;
  readChunk(chunk, {
    onFrame: () => {
      count += 1;
      if (count === 1) depth = stackDepth();
      if (count === 100_000) expect(stackDepth()).toBe(depth);
    },
  });
  expect(count).toBe(100_000);
});

function stackDepth(): number {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = Infinity;
  const depth = new Error('here').stack?.split('\n').length ?? 0;
  Error.stackTraceLimit = limit;
  return depth;
}

test('an empty chunk holds no frames', () => {
  expect(framesOf(Buffer.alloc(0))).toEqual([]);
});

test('type, flags and id are read whole', () => {
  const [seen] = framesOf(frame(0xfe, 0xa5, 0xffff_fffe, 'body'));
  expect(seen).toEqual({ type: 0xfe, flags: 0xa5, id: 0xffff_fffe, body: Buffer.from('body') });
});

describe('lengths that lie', () => {
  const whole = frame(FrameType.NEXT, 1, 5, 'abc');

  test.each([
    ['one more than there is', 4],
    ['2^31', 2 ** 31],
    ['a negative number, if it were signed', 2 ** 32 - 1],
    ['a negative number close to zero', 2 ** 32 - 13],
  ])('%s', (_name, length) => {
    const chunk = Buffer.from(whole);
    chunk.writeUInt32BE(length, 6);
    n2nErrorThrown(() => framesOf(chunk), 'PROTOCOL_ERROR');
  });

  test('a chunk cut off at any byte', () => {
    for (let length = 1; length < whole.length; length++) {
      n2nErrorThrown(() => framesOf(whole.subarray(0, length)), 'PROTOCOL_ERROR');
    }
  });

  test('frames before the broken one are handled', () => {
    const seen: number[] = [];
    const chunk = Buffer.concat([
      frame(FrameType.NEXT, 0, 1),
      frame(FrameType.NEXT, 0, 3),
      whole.subarray(0, 11),
    ]);
    const error = n2nErrorThrown(
      () => readChunk(chunk, { onFrame: (_type, _flags, id) => seen.push(id) }),
      'PROTOCOL_ERROR',
    );
    expect(seen).toEqual([1, 3]);
    expect(error.message).toContain('byte 20');
  });
});
