import { expect, test } from 'vitest';
import { releaseMemory } from '../../../src/transport/engine/release-memory.js';

const KIB = 1024;

test('bytes that have their memory to themselves are empty, and their memory is free at once', () => {
  const held = process.memoryUsage().arrayBuffers;
  const all: Buffer[] = [];
  for (let index = 0; index < 1_000; index++) {
    const bytes = Buffer.allocUnsafeSlow(1024 * KIB);
    // Kept, so that no collection frees anything.
    all.push(bytes);
    releaseMemory(bytes);
  }
  expect(all.every(({ length, buffer }) => length === 0 && buffer.byteLength === 0)).toBe(true);
  expect(process.memoryUsage().arrayBuffers - held).toBeLessThan(10 * 1024 * KIB);
});

test('the header of a packet may stand in front of them', () => {
  const read = Buffer.allocUnsafeSlow(64 * KIB);
  releaseMemory(read.subarray(5));
  expect(read.length).toBe(0);
});

test.each([
  ['other bytes stand in front of them', 64 * KIB, (read: Buffer) => read.subarray(6)],
  ['other bytes stand behind them', 64 * KIB, (read: Buffer) => read.subarray(0, -1)],
  ['they are few', 16 * KIB - 1, (read: Buffer) => read],
])('nothing is released where %s', (_name, length, view) => {
  const read = Buffer.alloc(length, 'x');
  releaseMemory(view(read));
  expect(read.equals(Buffer.alloc(length, 'x'))).toBe(true);
});

test('what stands in the memory that all short Buffers share is left alone', () => {
  const neighbours = Array.from({ length: 100 }, (_, index) => Buffer.from(`neighbour ${index}`));
  for (const bytes of neighbours) releaseMemory(bytes);
  expect(neighbours.map(String)).toEqual(neighbours.map((_, index) => `neighbour ${index}`));
});

test('shared memory is left alone', () => {
  const bytes = Buffer.from(new SharedArrayBuffer(64 * KIB));
  releaseMemory(bytes);
  expect(bytes.length).toBe(64 * KIB);
});
