import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fifo } from '../../src/protocol/buffers/fifo.js';

interface Item {
  readonly n: number;
}

function fifoOf(...numbers: number[]): Fifo<Item> {
  const fifo = new Fifo<Item>();
  for (const n of numbers) fifo.push({ n });
  return fifo;
}

function drained(fifo: Fifo<Item>): number[] {
  const numbers: number[] = [];
  for (let item = fifo.shift(); item !== undefined; item = fifo.shift()) numbers.push(item.n);
  return numbers;
}

test('does what an array does, whatever is done to it', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ does: fc.constant('push'), n: fc.nat() }) },
    { weight: 3, arbitrary: fc.record({ does: fc.constantFrom('shift', 'pop'), n: fc.constant(0) }) },
    { weight: 1, arbitrary: fc.record({ does: fc.constant('retain'), n: fc.integer({ min: 1, max: 5 }) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const fifo = fifoOf();
      let model: Item[] = [];
      for (const { does, n } of steps) {
        if (does === 'push') {
          const item = { n };
          fifo.push(item);
          model.push(item);
        } else if (does === 'retain') {
          fifo.retain((item) => item.n % n === 0);
          model = model.filter((item) => item.n % n === 0);
        } else if (does === 'shift') {
          expect(fifo.shift()).toBe(model.shift());
        } else {
          expect(fifo.pop()).toBe(model.pop());
        }
        expect([fifo.size, fifo.first, fifo.last]).toEqual([model.length, model[0], model.at(-1)]);
      }
      expect(drained(fifo)).toEqual(model.map(({ n }) => n));
    }),
  );
});

test('items keep their order while places in front are given up', () => {
  const fifo = fifoOf();
  const taken: number[] = [];
  for (let n = 0; n < 10_000; n++) {
    fifo.push({ n });
    // Never empty, and ever longer.
    if (n % 3 !== 0) taken.push(fifo.shift()?.n ?? -1);
  }
  expect([...taken, ...drained(fifo)]).toEqual(Array.from({ length: 10_000 }, (_, n) => n));
});

describe('nothing is kept', () => {
  const places = (fifo: Fifo<Item>): readonly unknown[] => (fifo as unknown as { items: unknown[] }).items;

  test('of an item that was taken', () => {
    const fifo = fifoOf(1, 2, 3);
    fifo.shift();
    expect(places(fifo)).toEqual([undefined, { n: 2 }, { n: 3 }]);
  });

  test('by a queue that is never empty', () => {
    const fifo = fifoOf(0);
    for (let n = 1; n < 100_000; n++) {
      fifo.push({ n });
      fifo.shift();
    }
    expect(places(fifo).length).toBeLessThan(3000);
  });
});
