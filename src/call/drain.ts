import type { Clock } from '../clock.js';

/** A side takes nothing new, and lets what is under way end, for at most so long. */
export class Drain {
  /** Settles when nothing is under way any more, or when that takes too long. */
  readonly done: Promise<void>;
  private finish: () => void = () => {};

  /** @param timeout how long it may take, in milliseconds */
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

  /** Something of it has ended. */
  check(): void {
    if (this.isEmpty()) this.finish();
  }
}
