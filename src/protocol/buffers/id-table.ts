const FIRST_BITS = 3;

/** Up to so many slots, a table that has been full stays as it is. */
const MOST_KEPT = 4096;

const FREE = -1;

/** What empty tables share: most of the tables of an idle connection are. It is replaced, and never written to. */
const NOTHING: never[] = [];

/** Unknown to the other side, which chooses ids too: it cannot find many that have the same slot. */
const [SALT, SPREAD, SPREAD_AGAIN] = crypto.getRandomValues(new Int32Array(3)).map((word) => word | 1);

/**
 * Values by the 32-bit id of a call, in place of a Map: open addressing, which allocates nothing unless it grows.
 *
 * V8 gives a Map a new table whenever its last entry leaves, and each time that deleted entries have filled the old one;
 * once the Map is old, it does so in the old generation, where each allocation is an occasion to start marking the heap.
 * With Maps, a server that echoed Buffers of 1 MiB spent half of its time in marking, for good, as soon as it had begun.
 */
export class IdTable<T> {
  private ids: number[] = NOTHING;
  private entries: (T | undefined)[] = NOTHING;
  private count = 0;
  /** How many of a hash's 32 bits are no part of the slot. */
  private shift = 32;

  get size(): number {
    return this.count;
  }

  get(id: number): T | undefined {
    return this.count === 0 ? undefined : this.entries[this.find(id)];
  }

  has(id: number): boolean {
    return this.get(id) !== undefined;
  }

  /** Adds a value; there is none of this id yet. */
  add(id: number, value: T): void {
    if (this.count * 2 >= this.ids.length) this.resize(this.ids.length === 0 ? FIRST_BITS : 33 - this.shift);
    const slot = this.find(id);
    this.ids[slot] = id;
    this.entries[slot] = value;
    this.count += 1;
  }

  /** Takes a value out, if it is there. */
  take(id: number): T | undefined {
    if (this.count === 0) return undefined;
    const slot = this.find(id);
    const value = this.entries[slot];
    if (value === undefined) return undefined;
    this.count -= 1;
    this.free(slot);
    if (this.ids.length > MOST_KEPT && this.count * 8 < this.ids.length) this.resize(31 - this.shift);
    return value;
  }

  clear(): void {
    this.ids = NOTHING;
    this.entries = NOTHING;
    this.count = 0;
    this.shift = 32;
  }

  /** The values, in the order of their ids. */
  values(): T[] {
    const { ids, entries } = this;
    return ids
      .map((id, slot) => ({ id, value: entries[slot] }))
      .filter((entry): entry is { id: number; value: T } => entry.value !== undefined)
      .toSorted((one, other) => one.id - other.id)
      .map(({ value }) => value);
  }

  /** The slot of this id, or the free one in which it would stand. */
  private find(id: number): number {
    const { ids } = this;
    const mask = ids.length - 1;
    let slot = this.slotOf(id);
    while (ids[slot] !== id && ids[slot] !== FREE) slot = (slot + 1) & mask;
    return slot;
  }

  /** Frees a slot, and moves up those behind it that would not be found past a free one. */
  private free(slot: number): void {
    const { ids, entries } = this;
    const mask = ids.length - 1;
    let hole = slot;
    for (let at = (hole + 1) & mask; ids[at] !== FREE; at = (at + 1) & mask) {
      const distance = (at - this.slotOf(ids[at])) & mask;
      if (distance < ((at - hole) & mask)) continue;
      ids[hole] = ids[at];
      entries[hole] = entries[at];
      hole = at;
    }
    ids[hole] = FREE;
    entries[hole] = undefined;
  }

  private resize(bits: number): void {
    const { ids, entries } = this;
    const capacity = 2 ** bits;
    this.shift = 32 - bits;
    this.ids = Array.from({ length: capacity }, () => FREE);
    this.entries = Array.from({ length: capacity }, () => undefined);
    for (const [slot, id] of ids.entries()) {
      if (id === FREE) continue;
      const to = this.find(id);
      this.ids[to] = id;
      this.entries[to] = entries[slot];
    }
  }

  private slotOf(id: number): number {
    const product = Math.imul(id ^ SALT, SPREAD);
    return Math.imul(product ^ (product >>> 15), SPREAD_AGAIN) >>> this.shift;
  }
}
