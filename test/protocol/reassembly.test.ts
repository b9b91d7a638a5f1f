import { describe, expect, test } from 'vitest';
import { FrameType } from '../../src/protocol/frames/frame.js';
import { Reassembly } from '../../src/protocol/frames/reassembly.js';
import { u32 } from '../support/frames.js';
import { n2nErrorThrown } from '../support/outcome.js';

const { NEXT } = FrameType;

/** The first fragment: how long the whole is, then what there is of it. */
function first(told: number, data: string | Buffer): Buffer {
  return Buffer.concat([u32(told), Buffer.from(data as string)]);
}

test('bodies that come by turns are each put together', () => {
  const reassembly = new Reassembly(100, 1000);
  expect(reassembly.add(NEXT, 1, first(4, 'ab'), false)).toBeUndefined();
  expect(reassembly.add(NEXT, 3, first(3, 'xy'), false)).toBeUndefined();
  expect([reassembly.isUnderWay(NEXT, 1), reassembly.isUnderWay(NEXT, 5)]).toEqual([true, false]);
  expect(reassembly.add(NEXT, 1, Buffer.from('cd'), true)).toEqual(Buffer.from('abcd'));
  expect(reassembly.add(NEXT, 3, Buffer.from('z'), true)).toEqual(Buffer.from('xyz'));
  expect(reassembly.isEmpty).toBe(true);
});

test('a body may come in one fragment', () => {
  const reassembly = new Reassembly(100, 1000);
  expect(reassembly.add(NEXT, 1, first(4, 'abcd'), true)).toEqual(Buffer.from('abcd'));
});

test('fragments are copied: what they came in is not held', () => {
  const reassembly = new Reassembly(100, 1000);
  const chunk = first(3, 'ab');
  reassembly.add(NEXT, 1, chunk, false);
  chunk.fill('?');
  expect(reassembly.add(NEXT, 1, Buffer.from('c'), true)).toEqual(Buffer.from('abc'));
});

test.each([
  ['long ones', [60_000, 50_000, 40_000]],
  ['short ones between long ones', [60_000, 10, 50_000, 20, 30]],
  ['long ones behind a short one', [10, 60_000, 50_000]],
  ['a long body', [60_000, 2_500_000, 10]],
])('fragments come together in order: %s', (_name, lengths) => {
  const pieces = lengths.map((length, index) => Buffer.alloc(length, index + 1));
  const whole = Buffer.concat(pieces);
  const reassembly = new Reassembly(whole.length, 10);
  let body: Buffer | undefined;
  pieces.forEach((piece, index) => {
    body = reassembly.add(
      NEXT,
      1,
      index === 0 ? first(whole.length, piece) : piece,
      index === pieces.length - 1,
    );
  });
  expect(body?.equals(whole)).toBe(true);
});

test('a body of fragments of one byte takes linear time', () => {
  const length = 2_000_000;
  const reassembly = new Reassembly(length, 10);
  const byte = Buffer.from('x');
  const started = process.cpuUsage();
  reassembly.add(NEXT, 1, first(length, 'x'), false);
  for (let index = 2; index < length; index++) reassembly.add(NEXT, 1, byte, false);
  const whole = reassembly.add(NEXT, 1, byte, true);
  expect(whole?.length).toBe(length);
  // Quadratic copying would take 2 * 10^12 bytes; linear, some hundred milliseconds. The bound is far from both.
  expect(process.cpuUsage(started).user / 1e6).toBeLessThan(20);
});

test('the memory of a body is what was told, and no more', () => {
  const reassembly = new Reassembly(2 ** 30, 10);
  reassembly.add(NEXT, 1, first(32_769, Buffer.alloc(32_768)), false);
  expect(reassembly.add(NEXT, 1, Buffer.alloc(1), true)?.buffer.byteLength).toBe(32_769);
});

test('a length that is told and not sent takes next to no memory', () => {
  const reassembly = new Reassembly(2 ** 30, 64);
  const before = process.memoryUsage.rss();
  for (let id = 1; id < 128; id += 2) reassembly.add(NEXT, id, first(64 * 1024 * 1024, 'x'), false);
  // Told: 4 GiB.
  expect(process.memoryUsage.rss() - before).toBeLessThan(128 * 1024 * 1024);
});

describe('bounds', () => {
  test('a body at its limit passes, one byte more is refused, before memory is asked for', () => {
    const reassembly = new Reassembly(10, 100);
    reassembly.add(NEXT, 1, first(10, Buffer.alloc(9)), false);
    expect(reassembly.add(NEXT, 1, Buffer.alloc(1), true)).toHaveLength(10);
    const error = n2nErrorThrown(() => reassembly.add(NEXT, 1, first(11, 'x'), false), 'PROTOCOL_ERROR');
    expect(error.details).toEqual({ length: 11, maxBody: 10, maxBodies: 100 });
    n2nErrorThrown(() => reassembly.add(NEXT, 1, first(2 ** 32 - 1, 'x'), false), 'PROTOCOL_ERROR');
  });

  test.each([
    ['more than was told', () => [first(3, 'ab'), Buffer.from('cd')], true],
    ['more than was told, and more to come', () => [first(3, 'ab'), Buffer.from('cd')], false],
    ['less than was told', () => [first(3, 'a'), Buffer.from('b')], true],
    ['all that was told, and then no end', () => [first(3, 'abc'), Buffer.from('d')], false],
    ['nothing, in a fragment that is not the first', () => [first(3, 'ab'), Buffer.alloc(0)], false],
    ['nothing behind the length', () => [first(3, '')], false],
    ['less than a length', () => [Buffer.alloc(3)], false],
  ])('fragments that hold %s are refused', (_name, fragments, last) => {
    const reassembly = new Reassembly(10, 100);
    const all = fragments();
    n2nErrorThrown(() => {
      all.forEach((fragment, index) => reassembly.add(NEXT, 1, fragment, last && index === all.length - 1));
    }, 'PROTOCOL_ERROR');
  });

  test('as many bodies as agreed may be under way, and not one more', () => {
    const reassembly = new Reassembly(10, 3);
    for (const id of [1, 3, 5]) reassembly.add(NEXT, id, first(5, 'x'), false);
    n2nErrorThrown(() => reassembly.add(NEXT, 7, first(5, 'x'), false), 'PROTOCOL_ERROR');
  });

  test('what is whole or dropped counts no longer', () => {
    const reassembly = new Reassembly(10, 1);
    for (let id = 1; id < 2000; id += 4) {
      reassembly.add(NEXT, id, first(10, 'abc'), false);
      reassembly.drop(id);
      reassembly.add(NEXT, id + 2, first(10, Buffer.alloc(9)), false);
      expect(reassembly.add(NEXT, id + 2, Buffer.alloc(1), true)).toHaveLength(10);
    }
    expect(reassembly.isEmpty).toBe(true);
  });

  test('a body that was dropped begins anew', () => {
    const reassembly = new Reassembly(10, 20);
    reassembly.add(NEXT, 1, first(4, 'old'), false);
    reassembly.drop(1);
    reassembly.drop(1);
    expect(reassembly.add(NEXT, 1, first(3, 'new'), true)).toEqual(Buffer.from('new'));
  });
});
