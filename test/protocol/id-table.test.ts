import { expect, test } from 'vitest';
import { IdTable } from '../../src/protocol/id-table.js';
import { runSeed, seededRandom } from '../support/random.js';

/** The ids that have the same slot in every table of up to 1024 slots: their products differ in the lowest bits only. */
function collidingIds(count: number): number[] {
  // 0x9e3779b1 times this is 1, modulo 2^32.
  const inverse = 0x144c_bc89;
  return Array.from({ length: count }, (_, index) => Math.imul(index, inverse) >>> 0);
}

test('it holds what a Map would, whichever ids come and go', () => {
  const random = seededRandom(runSeed());
  const colliding = collidingIds(300);
  const table = new IdTable<object>();
  const model = new Map<number, object>();
  let nextId = 1;
  for (let step = 0; step < 60_000; step++) {
    // By turns it fills and empties, with ids that count up, that collide, and the largest there are.
    const isFilling = Math.floor(step / 2_000) % 2 === 0;
    const known = [...model.keys()];
    if (random() < (isFilling ? 0.7 : 0.2)) {
      const kind = random();
      const id =
        kind < 0.6
          ? (nextId += 2)
          : kind < 0.9
            ? (colliding[Math.floor(random() * colliding.length)] ?? 0)
            : 2 ** 32 - 1 - Math.floor(random() * 50);
      if (model.has(id)) continue;
      const value = {};
      table.add(id, value);
      model.set(id, value);
    } else {
      const id = known[Math.floor(random() * known.length)] ?? nextId + 2;
      expect(table.take(id)).toBe(model.get(id));
      model.delete(id);
    }
    const probe = known[Math.floor(random() * known.length)] ?? 7;
    expect(table.get(probe)).toBe(model.get(probe));
    expect(table.has(nextId + 2)).toBe(false);
    expect(table.size).toBe(model.size);
  }
  const inOrder = [...model].toSorted(([one], [other]) => one - other).map(([, value]) => value);
  expect(table.values()).toEqual(inOrder);
  expect(table.values().every((value, index) => value === inOrder[index])).toBe(true);
});

test('what is not there is taken and found as nothing', () => {
  const table = new IdTable<string>();
  expect([table.get(0), table.take(0), table.has(0), table.size, table.values()]).toEqual([
    undefined,
    undefined,
    false,
    0,
    [],
  ]);
  table.add(0, 'zero');
  expect([table.take(1), table.take(0), table.take(0), table.size]).toEqual([
    undefined,
    'zero',
    undefined,
    0,
  ]);
});

test('after it was cleared, it can be used again', () => {
  const table = new IdTable<string>();
  for (let id = 1; id < 100; id += 2) table.add(id, 'old');
  table.clear();
  table.add(3, 'new');
  expect([table.size, table.get(1), table.values()]).toEqual([1, undefined, ['new']]);
});

test('after a crowd, an empty table is small again', () => {
  const table = new IdTable<string>();
  for (let id = 0; id < 10_000; id++) table.add(id, 'x');
  for (let id = 0; id < 10_000; id++) table.take(id);
  const slots = (table as unknown as { ids: number[] }).ids.length;
  expect(slots).toBeLessThanOrEqual(4096);
});
