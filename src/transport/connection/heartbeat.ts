import type { Clock, TimerHandle } from '../../clock.js';

/**
 * Watches for signs of life, and says once when there has been none for `timeout` milliseconds.
 *
 * A sign of life costs no timer: the timer runs on and, when it fires, waits for what is left since the last sign.
 */
export class Heartbeat {
  private lastSign: number;
  private timer: TimerHandle | undefined;

  constructor(
    private readonly timeout: number,
    private readonly clock: Clock,
    private readonly onDead: () => void,
  ) {
    this.lastSign = clock.now();
    this.wait(timeout, false);
  }

  /** A sign of life came. */
  beat(): void {
    this.lastSign = this.clock.now();
  }

  /** After this, nothing is reported and no timer is left. */
  stop(): void {
    if (this.timer !== undefined) this.clock.clearTimeout(this.timer);
    this.timer = undefined;
  }

  private wait(delay: number, isLastChance: boolean): void {
    this.timer = this.clock.setTimeout(() => this.check(isLastChance), delay);
  }

  private check(isLastChance: boolean): void {
    const left = this.lastSign + this.timeout - this.clock.now();
    if (left > 0) {
      this.wait(Math.ceil(left), false);
    } else if (!isLastChance) {
      // A program that was busy for longer than the timeout gets here before it has read what came meanwhile. One more
      // timer lets it read first, so that its own business is not taken for the server's death.
      this.wait(1, true);
    } else {
      this.timer = undefined;
      this.onDead();
    }
  }
}
