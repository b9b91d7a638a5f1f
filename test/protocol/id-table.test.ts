import { expect, test } from 'vitest';
import { IdTable } from '../../src/protocol/buffers/id-table.js';
import { runSeed, seededRandom } from '../support/random.js';

/** Ids whose products with this odd number are 0, 1, 2 and so on: of a table that multiplied by it, all in one cluster. */
function collidingIds(count: number, factor = 0x9e37_79b1): number[] {
  let inverse = factor;
  // Each step doubles the lowest bits that are right (Newton).
  for (let step = 0; step < 5; step++) inverse = Math.imul(inverse, 2 - Math.imul(factor, inverse));
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

function slotsOf(table: IdTable<string>): number[] {
  return (table as unknown as { ids: number[] }).ids;
}

test.each([0, 1])('after a crowd, a table with %i entries left is small again', (left) => {
  const table = new IdTable<string>();
  for (let id = 0; id < 100_000; id++) table.add(id, `${id}`);
  for (let id = left; id < 100_000; id++) expect(table.take(id)).toBe(`${id}`);
  expect(slotsOf(table).length).toBeLessThanOrEqual(4096);
  expect(table.values()).toEqual(['0'].slice(0, left));
});

test.each([
  ['that count up', Array.from({ length: 30_000 }, (_, index) => 1 + 2 * index)],
  ['that were chosen to collide', collidingIds(30_000)],
  ['that were chosen to collide where nothing is multiplied', collidingIds(30_000, 1)],
  [
    'that are far apart',
    Array.from({ length: 30_000 }, (_, index) => (index * 2 ** 17 + (index >> 15)) >>> 0),
  ],
])('ids %s are spread', (_name, ids) => {
  const table = new IdTable<string>();
  for (const id of ids) table.add(id, 'x');
  let longest = 0;
  let run = 0;
  for (const id of slotsOf(table)) {
    run = id < 0 ? 0 : run + 1;
    longest = Math.max(longest, run);
  }
  expect(longest).toBeLessThan(500);
});
