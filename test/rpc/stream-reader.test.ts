import { describe, expect, test } from 'vitest';
import { StreamReader } from '../../src/rpc/streams/stream-reader.js';

function start(): { reader: StreamReader; consumed: number[]; returned: () => number } {
  const consumed: number[] = [];
  let returned = 0;
  const reader = new StreamReader({
    onConsumed: (bytes) => void consumed.push(bytes),
    onReturn: () => void (returned += 1),
  });
  return { reader, consumed, returned: () => returned };
}

const END = { done: true, value: undefined };

test('values are given in order, whether they came before they were asked for or after', async () => {
  const { reader, consumed } = start();
  reader.push('a', 1);
  reader.push('b', 2);
  expect(consumed).toEqual([]);
  const taken = [reader.next(), reader.next(), reader.next(), reader.next()];
  expect(consumed).toEqual([1, 2]);
  reader.push('c', 3);
  reader.end();
  expect(await Promise.all(taken)).toEqual([
    ...['a', 'b', 'c'].map((value) => ({ done: false, value })),
    END,
  ]);
  expect(consumed).toEqual([1, 2, 3]);
  expect(await reader.next()).toEqual(END);
});

test('many values that wait are each given once', async () => {
  const { reader } = start();
  const count = 5000;
  for (let value = 0; value < count; value++) reader.push(value, 0);
  reader.end();
  const seen: unknown[] = [];
  for await (const value of reader) seen.push(value);
  expect(seen).toEqual(Array.from({ length: count }, (_, index) => index));
});

describe('an error', () => {
  test('comes after the values before it, once, and then the end', async () => {
    const { reader } = start();
    reader.push('a', 1);
    reader.fail(new Error('broken'));
    reader.push('late', 1);
    expect(await reader.next()).toEqual({ done: false, value: 'a' });
    await expect(reader.next()).rejects.toThrow('broken');
    expect(await reader.next()).toEqual(END);
  });

  test('goes to the first of those that wait; the others get the end', async () => {
    const { reader } = start();
    const waiting = [reader.next(), reader.next()];
    reader.fail(new Error('broken'));
    reader.end();
    expect(await Promise.allSettled(waiting)).toEqual([
      { status: 'rejected', reason: new Error('broken') },
      { status: 'fulfilled', value: END },
    ]);
  });
});

describe('a consumer that wants no more', () => {
  test('is heard of once, gets the end, and nothing that comes later', async () => {
    const { reader, returned, consumed } = start();
    reader.push('a', 1);
    expect(await reader.return()).toEqual(END);
    expect(await reader.return()).toEqual(END);
    reader.push('late', 1);
    reader.fail(new Error('late'));
    expect(await reader.next()).toEqual(END);
    expect([returned(), consumed]).toEqual([1, []]);
  });

  test('lets go whoever waits', async () => {
    const { reader } = start();
    const waiting = reader.next();
    await reader.return();
    expect(await waiting).toEqual(END);
  });

  test('is not heard of when the stream had ended', async () => {
    const { reader, returned } = start();
    reader.push('a', 1);
    reader.end();
    for await (const value of reader) {
      expect(value).toBe('a');
      break;
    }
    expect(returned()).toBe(0);
  });
});
