import type { Clock, TimerHandle } from '../../src/clock.js';

interface FakeTimer {
  readonly due: number;
  readonly delay: number;
  readonly callback: () => void;
}

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  private time = 0;
  private readonly timers = new Map<TimerHandle, FakeTimer>();

  /** The delays of the timers that are armed, as they were asked for. */
  get armed(): number[] {
    return [...this.timers.values()].map((timer) => timer.delay);
  }

  now(): number {
    return this.time;
  }

  setTimeout(callback: () => void, delay: number): TimerHandle {
    const handle = {};
    this.timers.set(handle, { due: this.time + delay, delay, callback });
    return handle;
  }

  clearTimeout(timer: TimerHandle): void {
    this.timers.delete(timer);
  }

  /** Moves on, and fires what comes due on the way, each at its own time. */
  advance(milliseconds: number): void {
    const end = this.time + milliseconds;
    for (;;) {
      const [next] = [...this.timers]
        .filter(([, timer]) => timer.due <= end)
        .toSorted((a, b) => a[1].due - b[1].due);
      if (next === undefined) break;
      const [handle, timer] = next;
      this.timers.delete(handle);
      this.time = timer.due;
      timer.callback();
    }
    this.time = end;
  }
}
