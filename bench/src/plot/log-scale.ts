/** Places ratios along a line so that twice as much is as far from 1 as half as much. */
export class LogScale {
  readonly #low: number;
  readonly #span: number;

  /**
   * @param ratios all that must have a place; 1 has one in any case
   * @param from where the line begins
   * @param to where it ends
   */
  constructor(
    ratios: readonly number[],
    private readonly from: number,
    private readonly to: number,
  ) {
    const powers = [1, ...ratios].map((ratio) => Math.log10(ratio));
    // Whole steps, so that the line begins and ends with a tick, and has at least one.
    this.#low = Math.min(-1, Math.floor(Math.min(...powers)));
    this.#span = Math.max(1, Math.ceil(Math.max(...powers))) - this.#low;
  }

  place(ratio: number): number {
    return this.from + ((Math.log10(ratio) - this.#low) / this.#span) * (this.to - this.from);
  }

  /** The powers of ten, from the first to the last. */
  ticks(): number[] {
    return Array.from({ length: this.#span + 1 }, (_, i) => 10 ** (this.#low + i));
  }
}
