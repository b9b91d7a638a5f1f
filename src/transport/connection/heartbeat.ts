import type { Clock, TimerHandle } from '../../clock.js';

/**
 * Monitors the packets of the server, and reports once if none has arrived for `timeout` milliseconds.
 *
 * A packet does not restart the timer. When the timer fires, it is armed again for the time that is left since the last
 * packet.
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

  /** A packet has arrived. */
  beat(): void {
    this.lastSign = this.clock.now();
  }

  /** Clears the timer. Nothing is reported afterwards. */
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
      // If the program was busy for longer than the timeout, it gets here before it reads packets that have arrived. One more
      // timer lets it read them first.
      this.wait(1, true);
    } else {
      this.timer = undefined;
      this.onDead();
    }
  }
}
