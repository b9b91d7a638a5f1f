import { describe, expect, test } from 'vitest';
import { Reassembly } from '../../src/protocol/reassembly.js';
import { n2nErrorThrown } from '../support/outcome.js';

test('bodies that come by turns are each put together', () => {
  const reassembly = new Reassembly(100, 1000);
  expect(reassembly.add(1, Buffer.from('ab'), false)).toBeUndefined();
  expect(reassembly.add(3, Buffer.from('xy'), false)).toBeUndefined();
  expect(reassembly.add(1, Buffer.from('cd'), true)).toEqual(Buffer.from('abcd'));
  expect(reassembly.add(3, Buffer.from('z'), true)).toEqual(Buffer.from('xyz'));
  expect(reassembly.isEmpty).toBe(true);
});

test('fragments are copied: the chunk they came in may be used again', () => {
  const reassembly = new Reassembly(100, 1000);
  const chunk = Buffer.from('ab');
  reassembly.add(1, chunk, false);
  chunk.fill('?');
  expect(reassembly.add(1, Buffer.from('c'), true)).toEqual(Buffer.from('abc'));
});

test('a body of fragments of one byte takes linear time', () => {
  const length = 2_000_000;
  const reassembly = new Reassembly(length, length);
  const byte = Buffer.from('x');
  const started = process.cpuUsage();
  for (let index = 1; index < length; index++) reassembly.add(1, byte, false);
  const whole = reassembly.add(1, byte, true);
  expect(whole?.length).toBe(length);
  // Quadratic copying would take 2 * 10^12 bytes; linear, some hundred milliseconds. The bound is far from both.
  expect(process.cpuUsage(started).user / 1e6).toBeLessThan(20);
});

test('the memory of a body is at most four times what came of it', () => {
  const reassembly = new Reassembly(2 ** 30, 2 ** 30);
  for (const fragment of [1, 1, 1, 1, 1, 1000, 5, 32_768]) reassembly.add(1, Buffer.alloc(fragment), false);
  const whole = reassembly.add(1, Buffer.alloc(1), true);
  expect(whole?.buffer.byteLength).toBeLessThanOrEqual(4 * (whole?.length ?? 0));
});

describe('bounds', () => {
  test('a body at its limit passes, one byte more is refused', () => {
    const reassembly = new Reassembly(10, 100);
    reassembly.add(1, Buffer.alloc(9), false);
    expect(reassembly.add(1, Buffer.alloc(1), true)).toHaveLength(10);
    reassembly.add(1, Buffer.alloc(10), false);
    n2nErrorThrown(() => reassembly.add(1, Buffer.alloc(1), true), 'PROTOCOL_ERROR');
  });

  test('so are all bodies together', () => {
    const reassembly = new Reassembly(10, 25);
    for (const id of [1, 3]) reassembly.add(id, Buffer.alloc(10), false);
    reassembly.add(5, Buffer.alloc(5), false);
    n2nErrorThrown(() => reassembly.add(7, Buffer.alloc(1), false), 'PROTOCOL_ERROR');
  });

  test('what is whole or dropped counts no longer', () => {
    const reassembly = new Reassembly(10, 20);
    for (let id = 1; id < 2000; id += 4) {
      reassembly.add(id, Buffer.alloc(10), false);
      reassembly.drop(id);
      reassembly.add(id + 2, Buffer.alloc(9), false);
      expect(reassembly.add(id + 2, Buffer.alloc(1), true)).toHaveLength(10);
    }
    expect(reassembly.isEmpty).toBe(true);
  });

  test('a body that was dropped begins anew', () => {
    const reassembly = new Reassembly(10, 20);
    reassembly.add(1, Buffer.from('old'), false);
    reassembly.drop(1);
    reassembly.drop(1);
    expect(reassembly.add(1, Buffer.from('new'), true)).toEqual(Buffer.from('new'));
  });

  // Each body costs a few hundred bytes however little came of it, so counting bytes alone bounds nothing.
  test.each([
    ['of no bytes', 0],
    ['of one byte', 1],
  ])('a hundred thousand bodies %s under way are refused', (_name, length) => {
    const reassembly = new Reassembly(4 * 1024 * 1024, 64 * 1024 * 1024);
    n2nErrorThrown(() => {
      for (let id = 1; id < 200_000; id += 2) reassembly.add(id, Buffer.alloc(length), false);
    }, 'PROTOCOL_ERROR');
  });
});
