import { MAX_TIMER_MS } from './limits.js';

/** What a clock gives back for a timer; only ever handed back to the clock that gave it. */
export interface TimerHandle {
  /** Lets the process end although the timer is armed. */
  unref?(): unknown;
}

/** Where time comes from. Tests hand in one that they move by hand. */
export interface Clock {
  setTimeout(callback: () => void, milliseconds: number): TimerHandle;
  clearTimeout(timer: TimerHandle): void;
  /** Milliseconds that never run backwards; where they start means nothing. */
  now(): number;
}

export const systemClock: Clock = {
  // Jitter, or the other side, may have made more of a time than the options allow.
  setTimeout: (callback, milliseconds) => setTimeout(callback, Math.min(milliseconds, MAX_TIMER_MS)),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
  now: () => performance.now(),
};

/** Runs a task when the work of the present turn is done, before the loop waits again. */
export function atEndOfTurn(task: () => void): void {
  process.nextTick(task);
}
