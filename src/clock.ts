import { MAX_TIMER_MS } from './limits.js';

/** The handle of a timer. It is only valid with its clock. */
export interface TimerHandle {
  /** Allows the process to exit while the timer is active. */
  unref?(): unknown;
}

/** The source of time. Tests use a clock that they advance themselves. */
export interface Clock {
  /**
   * @param whenLate the behaviour of a timer that fires late, because the process was busy or suspended. With
   * `wait-again`, it waits once more for the lost time, at most for its own delay. Use it for operations that need this
   * process to run, such as a handshake.
   */
  setTimeout(callback: () => void, milliseconds: number, whenLate?: 'wait-again'): TimerHandle;
  clearTimeout(timer: TimerHandle): void;
  /** A monotonic time in milliseconds, with an arbitrary origin. */
  now(): number;
}

/** A timer that is late by this many milliseconds shows that the process was busy or suspended. */
const LATE_MS = 20;

/** The turns of the event loop before the callback of a late timer. In each turn, up to 2 MiB of a socket are read. */
const TURNS_WHEN_LATE = 8;

/**
 * Calls back when the data that sockets have already received is read, for at most `turns` turns of the event loop.
 * @returns cancels the callback
 */
export function afterReads(callback: () => void, turns: number = TURNS_WHEN_LATE): () => void {
  let left = turns;
  const onTurn = (): void => {
    left -= 1;
    if (left > 0) immediate = setImmediate(onTurn);
    else callback();
  };
  // Never unreferenced: an unreferenced immediate would wait for the next event of the loop.
  let immediate = setImmediate(onTurn);
  return () => clearImmediate(immediate);
}

/**
 * Wraps a clock, so that sockets are read before a timer calls back. After a busy period, the event loop runs timers
 * before it reads sockets. Without this, a call could time out although its answer had arrived in time.
 */
export function readingFirst(clock: Clock): Clock {
  return {
    setTimeout: (callback, milliseconds, whenLate) =>
      new ReadingTimer(clock, callback, Math.min(milliseconds, MAX_TIMER_MS), whenLate === 'wait-again'),
    clearTimeout: (timer) => (timer as ReadingTimer).clear(),
    now: () => clock.now(),
  };
}

class ReadingTimer implements TimerHandle {
  private due = 0;
  private timer: TimerHandle | undefined;
  private isReferenced = true;
  private cancelReads: (() => void) | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly callback: () => void,
    private readonly milliseconds: number,
    private readonly waitsAgain: boolean,
  ) {
    this.arm(milliseconds);
  }

  unref(): this {
    this.isReferenced = false;
    this.timer?.unref?.();
    return this;
  }

  clear(): void {
    if (this.timer !== undefined) this.clock.clearTimeout(this.timer);
    this.timer = undefined;
    this.cancelReads?.();
  }

  private arm(milliseconds: number): void {
    this.due = this.clock.now() + milliseconds;
    this.timer = this.clock.setTimeout(this.onTimer, milliseconds);
    if (!this.isReferenced) this.timer.unref?.();
  }

  private readonly onTimer = (): void => {
    this.timer = undefined;
    const late = this.clock.now() - this.due;
    if (late < LATE_MS) this.cancelReads = afterReads(this.callback, 1);
    else if (this.waitsAgain) this.arm(Math.min(late, this.milliseconds));
    else this.cancelReads = afterReads(this.callback);
  };
}

export const systemClock: Clock = readingFirst({
  setTimeout: (callback, milliseconds) => setTimeout(callback, milliseconds),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
  now: () => performance.now(),
});

/** Runs a task after the current operation, before the event loop continues. */
export function atEndOfTurn(task: () => void): void {
  process.nextTick(task);
}
