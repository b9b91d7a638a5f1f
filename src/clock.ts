import { MAX_TIMER_MS } from './limits.js';

/** What a clock gives back for a timer; only ever handed back to the clock that gave it. */
export interface TimerHandle {
  /** Lets the process end although the timer is armed. */
  unref?(): unknown;
}

/** Where time comes from. Tests hand in one that they move by hand. */
export interface Clock {
  /**
   * @param whenLate what a timer does that fires late, because the program was busy or suspended. `wait-again` gives it the
   * lost time once more, at most its own: for what this side has to run for, such as a handshake.
   */
  setTimeout(callback: () => void, milliseconds: number, whenLate?: 'wait-again'): TimerHandle;
  clearTimeout(timer: TimerHandle): void;
  /** Milliseconds that never run backwards; where they start means nothing. */
  now(): number;
}

/** A timer that fires so many milliseconds late says that the program was busy, or suspended. */
const LATE = 20;

/** Turns of the event loop before a late timer's callback. In each, a socket gives up to 2 MiB of what has come to it. */
const TURNS_WHEN_LATE = 8;

/**
 * Calls back when what had come to the sockets of this process has been read, within bounds.
 * @returns what cancels it
 */
export function afterReads(callback: () => void, turns: number = TURNS_WHEN_LATE): () => void {
  let left = turns;
  const onTurn = (): void => {
    left -= 1;
    if (left > 0) immediate = setImmediate(onTurn);
    else callback();
  };
  // Never unreferenced: it would wait for the next event of the loop.
  let immediate = setImmediate(onTurn);
  return () => clearImmediate(immediate);
}

/**
 * A clock whose timers let the sockets be read first. The loop of a program that was busy comes to its timers before it
 * reads: without this, an answer that had come in time would lose against the timeout of its call.
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
    if (late < LATE) this.cancelReads = afterReads(this.callback, 1);
    else if (this.waitsAgain) this.arm(Math.min(late, this.milliseconds));
    else this.cancelReads = afterReads(this.callback);
  };
}

export const systemClock: Clock = readingFirst({
  setTimeout: (callback, milliseconds) => setTimeout(callback, milliseconds),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
  now: () => performance.now(),
});

/** Runs a task when the work of the present turn is done, before the loop waits again. */
export function atEndOfTurn(task: () => void): void {
  process.nextTick(task);
}
