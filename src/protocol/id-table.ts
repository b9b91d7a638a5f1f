const FIRST_BITS = 3;

/** What a table keeps when it is empty, in slots. */
const MOST_KEPT = 4096;

/** 2^32 divided by the golden ratio: multiples of it that come one after the other lie far apart (Knuth). */
const SPREAD = 0x9e37_79b1;

const FREE = -1;

/** What empty tables share: most of the tables of an idle connection are. It is replaced, and never written to. */
const NOTHING: never[] = [];

/**
 * Values by the 32-bit id of a call, in place of a Map: open addressing, which allocates nothing unless it grows.
 *
 * V8 gives a Map a new table whenever its last entry leaves, and each time that deleted entries have filled the old one;
 * once the Map is old, it does so in the old generation, where each allocation is an occasion to start marking the heap.
 * With Maps, a server that echoed Buffers of 1 MiB spent half of its time in marking, for good, as soon as it had begun.
 *
 * The ids of a session count up, so that their lowest bits find a free slot at once. Ids that were chosen to collide cost
 * a walk over as many as are under way, which is bounded.
 */
export class IdTable<T> {
  private ids: number[] = NOTHING;
  private entries: (T | undefined)[] = NOTHING;
  private count = 0;
  /** The upper bits of an id's product that are its slot are the last after so many. */
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
    if (this.count * 2 >= this.ids.length) this.grow();
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
    if (this.count === 0 && this.ids.length > MOST_KEPT) this.clear();
    else this.free(slot);
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

  private grow(): void {
    const { ids, entries } = this;
    this.shift = ids.length === 0 ? 32 - FIRST_BITS : this.shift - 1;
    const capacity = 2 ** (32 - this.shift);
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
    return Math.imul(id, SPREAD) >>> this.shift;
  }
}
