import { describe, expect, test } from 'vitest';
import { pump, type StreamTarget } from '../../src/rpc/streams/stream-target.js';
import { deferred, turn } from '../support/harness.js';

class RecordingTarget implements StreamTarget {
  readonly seen: unknown[] = [];
  isStopped = false;
  isReady = true;
  private waiting: (() => void) | undefined;
  private stops: ((reason: unknown) => void)[] = [];

  whenReady(callback: () => void): void {
    this.waiting = callback;
  }

  next(value: unknown): void {
    this.seen.push(['next', value]);
  }

  complete(): void {
    this.seen.push(['complete']);
  }

  fail(error: unknown): void {
    this.seen.push(['fail', error]);
  }

  whenCancelled(stop: (reason: unknown) => void): void {
    this.stops.push(stop);
  }

  becomeReady(): void {
    this.isReady = true;
    this.waiting?.();
  }

  stop(): void {
    this.isStopped = true;
    for (const stop of this.stops) stop('reason');
    this.waiting?.();
  }
}

const NOBODY = (): never => {
  throw new Error('nothing was to be reported');
};
const asItIs = (error: unknown): unknown => error;

test('values in order, then the end', async () => {
  const target = new RecordingTarget();
  async function* values(): AsyncGenerator<number> {
    yield 1;
    yield 2;
  }
  await pump(values(), target, asItIs, NOBODY);
  expect(target.seen).toEqual([['next', 1], ['next', 2], ['complete']]);
});

test('an error, as it is made for the target, after the values before it', async () => {
  const target = new RecordingTarget();
  async function* values(): AsyncGenerator<number> {
    yield 1;
    throw new Error('broken');
  }
  await pump(values(), target, (error) => `told: ${String(error)}`, NOBODY);
  expect(target.seen).toEqual([
    ['next', 1],
    ['fail', 'told: Error: broken'],
  ]);
});

test('a target that is not ready holds back the source', async () => {
  const target = new RecordingTarget();
  let asked = 0;
  async function* values(): AsyncGenerator<number> {
    for (;;) yield (asked += 1);
  }
  target.isReady = false;
  const done = pump(values(), target, asItIs, NOBODY);
  for (let turns = 0; turns < 10; turns++) await turn();
  // One value stands ready, so that the end, which needs no credit, is not missed.
  expect([asked, target.seen]).toEqual([1, []]);
  target.stop();
  await done;
  expect(asked).toBe(1);
});

describe('a target that is stopped', () => {
  test('ends a generator, whose `finally` runs', async () => {
    const target = new RecordingTarget();
    const begun = deferred<void>();
    let cleaned = 0;
    async function* values(): AsyncGenerator<number> {
      try {
        for (;;) {
          yield 1;
          begun.resolve();
          await turn();
        }
      } finally {
        cleaned += 1;
      }
    }
    const done = pump(values(), target, asItIs, NOBODY);
    await begun.promise;
    target.stop();
    await done;
    expect(cleaned).toBe(1);
  });

  test('whose source fails as it is returned: that is reported', async () => {
    const target = new RecordingTarget();
    const reported = deferred<unknown>();
    const values: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.resolve({ done: false, value: 1 }),
        return: () => Promise.reject(new Error('finally failed')),
      }),
    };
    target.isReady = false;
    const done = pump(values, target, asItIs, reported.resolve);
    await turn();
    target.stop();
    await done;
    expect(await reported.promise).toEqual(new Error('finally failed'));
  });
});
