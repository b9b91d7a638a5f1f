import type { Clock } from '../clock.js';

/** Waits until the work in progress has ended, or a timeout has passed. The side that drains takes no new work. */
export class Drain {
  /** Resolves when no work is in progress, or when the timeout has passed. */
  readonly done: Promise<void>;
  private finish: () => void = () => {};

  /** @param timeout in milliseconds */
  constructor(
    private readonly isEmpty: () => boolean,
    timeout: number,
    clock: Clock,
  ) {
    this.done = new Promise((resolve) => {
      const timer = clock.setTimeout(resolve, timeout);
      this.finish = () => {
        clock.clearTimeout(timer);
        resolve();
      };
    });
    this.check();
  }

  /** Call this whenever a part of the work has ended. */
  check(): void {
    if (this.isEmpty()) this.finish();
  }
}
