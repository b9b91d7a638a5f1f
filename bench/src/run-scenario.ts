import type { Timing } from './options.js';
import type { PeerEntry } from './peers/index.js';
import { Pair } from './process/pair.js';
import type { ScenarioRounds } from './results.js';
import type { Scenario } from './scenarios.js';
import type { Measurement } from './workloads/work.js';

/** Told before each step, for the progress line. */
export type OnStep = (step: string) => void;

/** Each peer's turn in a scenario: the warm-up, and the rounds. */
export function stepsOf(scenarios: number, peers: number, timing: Timing): number {
  return scenarios * peers * (timing.rounds + 1);
}

/**
 * Measures every peer in one scenario. All are started and warm before the first round, then they take turns (A B C
 * A B C ...), one working while the others idle, so that a slow spell of the machine falls on all of them.
 */
export async function runScenario(
  scenario: Scenario,
  peers: readonly PeerEntry[],
  timing: Timing,
  onStep: OnStep,
): Promise<ScenarioRounds> {
  const pairs = peers.map(({ name }) => new Pair(name));
  try {
    await Promise.all(pairs.map((pair) => pair.connect(scenario.work)));
    for (const pair of pairs) {
      onStep(`${scenario.name} | warm-up | ${pair.peer}`);
      await pair.round(timing.warmUpMs);
    }
    const measured = pairs.map((pair) => ({ pair, rounds: [] as Measurement[] }));
    for (let round = 1; round <= timing.rounds; round++) {
      for (const { pair, rounds } of measured) {
        onStep(`${scenario.name} | round ${round} of ${timing.rounds} | ${pair.peer}`);
        rounds.push(await pair.round(timing.roundMs));
      }
    }
    return { scenario, peers: measured.map(({ pair, rounds }) => ({ peer: pair.peer, rounds })) };
  } finally {
    await Promise.all(pairs.map((pair) => pair.stop()));
  }
}
