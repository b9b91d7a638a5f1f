import { Pair } from './pair.js';

/**
 * The pairs of scenarios whose processes are warmed up. In a quick run they are kept from scenario to scenario: starting
 * them would be most of its time. Otherwise each scenario has its own, in which nothing is left of another.
 */
export class Pairs {
  readonly #kept = new Map<string, Pair>();

  constructor(private readonly keeps: boolean) {}

  take(peer: string): Pair {
    const pair = this.#kept.get(peer) ?? new Pair(peer);
    this.#kept.set(peer, pair);
    return pair;
  }

  /** After each scenario, however it went. */
  async endScenario(): Promise<void> {
    if (!this.keeps) await this.stop();
  }

  async stop(): Promise<void> {
    const pairs = [...this.#kept.values()];
    this.#kept.clear();
    await Promise.all(pairs.map((pair) => pair.stop()));
  }
}
