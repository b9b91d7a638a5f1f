import type { Clock, TimerHandle } from '../clock.js';

/**
 * Something that expires unless it shows a sign of life within its timeout. Only `Deadlines` uses the fields that it
 * writes.
 */
export interface Expiring {
  /** In milliseconds; constant while `Deadlines` has the entry. */
  readonly timeout: number;
  /** Written by `Deadlines`: when the entry was added or last touched. */
  lastSign: number;
  /** Written by `Deadlines`. */
  list: DeadlineList | undefined;
  previous: Expiring | undefined;
  next: Expiring | undefined;
  onExpired(): void;
}

/**
 * The deadlines of many calls with few timers. Entries with the same timeout are in one list, with the earliest
 * deadline at its head, and each list has one timer. Adding, touching and removing an entry take constant time and
 * start no timer. A Node timer for each call would cost about a fifth of a small call.
 */
export class Deadlines {
  private readonly lists = new Map<number, DeadlineList>();

  constructor(private readonly clock: Clock) {}

  /** @param since when the timeout of the entry began, if that was before now */
  add(entry: Expiring, since: number = this.clock.now()): void {
    let list = this.lists.get(entry.timeout);
    if (list === undefined) {
      list = new DeadlineList(entry.timeout, this.clock, this.onEmpty);
      this.lists.set(entry.timeout, list);
    }
    list.push(entry, since);
  }

  /** A sign of life: the whole timeout of the entry begins again. */
  touch(entry: Expiring): void {
    const { list } = entry;
    if (list === undefined) return;
    list.remove(entry);
    list.push(entry, this.clock.now());
  }

  remove(entry: Expiring): void {
    entry.list?.remove(entry);
  }

  /** Forgets all entries and stops all timers. */
  clear(): void {
    for (const list of this.lists.values()) list.stop();
    this.lists.clear();
  }

  private readonly onEmpty = (list: DeadlineList): void => {
    this.lists.delete(list.timeout);
  };
}

export class DeadlineList {
  private head: Expiring | undefined;
  private tail: Expiring | undefined;
  private timer: TimerHandle | undefined;
  /** When the timer fires. */
  private firesAt = Infinity;

  constructor(
    readonly timeout: number,
    private readonly clock: Clock,
    private readonly onEmpty: (list: DeadlineList) => void,
  ) {}

  push(entry: Expiring, since: number): void {
    let previous = this.tail;
    // Only an entry with `since` can be out of order.
    while (previous !== undefined && previous.lastSign > since) previous = previous.previous;
    this.insert(entry, previous);
    entry.lastSign = since;
    if (since + this.timeout < this.firesAt) this.arm(since + this.timeout);
  }

  remove(entry: Expiring): void {
    if (entry.previous === undefined) this.head = entry.next;
    else entry.previous.next = entry.next;
    if (entry.next === undefined) this.tail = entry.previous;
    else entry.next.previous = entry.previous;
    entry.list = undefined;
    entry.previous = undefined;
    entry.next = undefined;
  }

  stop(): void {
    if (this.timer !== undefined) this.clock.clearTimeout(this.timer);
    this.timer = undefined;
    this.firesAt = Infinity;
  }

  private insert(entry: Expiring, previous: Expiring | undefined): void {
    const next = previous === undefined ? this.head : previous.next;
    entry.list = this;
    entry.previous = previous;
    entry.next = next;
    if (previous === undefined) this.head = entry;
    else previous.next = entry;
    if (next === undefined) this.tail = entry;
    else next.previous = entry;
  }

  private arm(due: number): void {
    this.stop();
    this.firesAt = due;
    this.timer = this.clock.setTimeout(this.onTimer, Math.max(0, Math.ceil(due - this.clock.now())));
    // The connection keeps the process alive while calls are active; the timer of an empty list must not.
    this.timer.unref?.();
  }

  /**
   * The timer of an empty list keeps running until it fires, so that calls one after the other do not start and stop a
   * timer each. Then the list is removed.
   */
  private readonly onTimer = (): void => {
    this.timer = undefined;
    this.firesAt = Infinity;
    const now = this.clock.now();
    while (this.head !== undefined) {
      const due = this.head.lastSign + this.timeout;
      if (due > now) {
        // An entry that `onExpired` added has started the timer, too.
        if (due < this.firesAt) this.arm(due);
        return;
      }
      const expired = this.head;
      this.remove(expired);
      expired.onExpired();
    }
    if (this.timer === undefined) this.onEmpty(this);
  };
}
