const FIRST_BITS = 3;

/** A table of at most so many slots keeps its size when it becomes empty. */
const MOST_KEPT = 4096;

const FREE = -1;

/**
 * Shared by all empty tables, because most tables of an idle connection are empty. It is replaced, never written to.
 */
const NOTHING: never[] = [];

/** A random seed. The other side chooses ids, too, and must not be able to find many with the same slot. */
const [SALT, SPREAD, SPREAD_AGAIN] = crypto.getRandomValues(new Int32Array(3)).map((word) => word | 1);

/**
 * A map from the 32-bit ids of calls to values. It uses open addressing, which allocates only to grow.
 *
 * V8 gives a Map a new table when its last entry leaves, and when deleted entries have filled the old table. The table
 * of an old Map is allocated in the old generation, where each allocation may start marking of the heap. With Maps, a
 * server that echoed Buffers of 1 MiB began to mark and then spent half of its time on that.
 */
export class IdTable<T> {
  private ids: number[] = NOTHING;
  private entries: (T | undefined)[] = NOTHING;
  private count = 0;
  /** How many of the 32 bits of a hash do not select the slot. */
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

  /** Adds a value under an id that the table does not have. */
  add(id: number, value: T): void {
    if (this.count * 2 >= this.ids.length) this.resize(this.ids.length === 0 ? FIRST_BITS : 33 - this.shift);
    const slot = this.find(id);
    this.ids[slot] = id;
    this.entries[slot] = value;
    this.count += 1;
  }

  /** Removes and returns a value, if the table has it. */
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

  /** The slot of this id, or the free slot where it belongs. */
  private find(id: number): number {
    const { ids } = this;
    const mask = ids.length - 1;
    let slot = this.slotOf(id);
    while (ids[slot] !== id && ids[slot] !== FREE) slot = (slot + 1) & mask;
    return slot;
  }

  /** Frees a slot, and moves up those entries behind it that a free slot would hide. */
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
