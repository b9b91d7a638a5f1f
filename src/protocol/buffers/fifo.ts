/** The items move to the front once at least so many places there are empty, and half of all. */
const COMPACT_AT = 1024;

/**
 * A queue: first in, first out. `shift` takes constant time, however long the queue is; an array of many thousand items
 * moves all of them. The queue keeps no reference to an item that was taken.
 */
export class Fifo<Item extends object> {
  private items: (Item | undefined)[] = [];
  /** The index of the first item. The places in front of it are empty. */
  private head = 0;

  get size(): number {
    return this.items.length - this.head;
  }

  get first(): Item | undefined {
    return this.items[this.head];
  }

  get last(): Item | undefined {
    return this.items.at(-1);
  }

  push(item: Item): void {
    this.items.push(item);
  }

  /** Takes the first item. */
  shift(): Item | undefined {
    const { items, head } = this;
    if (head === items.length) return undefined;
    const item = items[head];
    items[head] = undefined;
    this.head = head + 1;
    if (this.head === items.length) this.clear();
    else if (this.head >= COMPACT_AT && 2 * this.head >= items.length) this.compact();
    return item;
  }

  /** Takes the last item. */
  pop(): Item | undefined {
    if (this.size === 0) return undefined;
    const item = this.items.pop();
    if (this.size === 0) this.clear();
    return item;
  }

  /** Drops the items that do not pass, and keeps the order of the others. */
  retain(passes: (item: Item) => boolean): void {
    this.items = this.items.filter((item) => item !== undefined && passes(item));
    this.head = 0;
  }

  clear(): void {
    this.items = [];
    this.head = 0;
  }

  private compact(): void {
    this.items = this.items.slice(this.head);
    this.head = 0;
  }
}
