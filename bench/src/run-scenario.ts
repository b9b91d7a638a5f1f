import type { Timing } from './options.js';
import type { PeerEntry } from './peers/index.js';
import { peersOf } from './plan.js';
import { Pair } from './process/pair.js';
import type { Pairs } from './process/pairs.js';
import type { ScenarioRounds } from './results.js';
import type { Scenario } from './scenarios/scenario.js';
import type { Measurement } from './workloads/workload.js';

/** Told before each step, for the progress line. */
type OnStep = (step: string) => void;

/** Rounds of new processes take long, and memory does not stray as time does. */
const MOST_MEMORY_ROUNDS = 3;

/** Each peer's turn in a scenario: the warm-up, and the rounds. */
export function stepsOf(scenario: Scenario, peers: readonly PeerEntry[], timing: Timing): number {
  return peersOf(scenario, peers).length * (memoryRounds(scenario, timing) ?? timing.rounds + 1);
}

/**
 * Measures every peer in one scenario. They take turns (A B C A B C ...), one working while the others idle, so that a
 * slow spell of the machine falls on all of them.
 */
export async function runScenario(
  scenario: Scenario,
  chosen: readonly PeerEntry[],
  timing: Timing,
  warm: Pairs,
  onStep: OnStep,
): Promise<ScenarioRounds> {
  const peers = peersOf(scenario, chosen).map(({ name }) => name);
  const rounds = memoryRounds(scenario, timing);
  return {
    scenario,
    peers:
      rounds === undefined
        ? await runWarm(scenario, peers, timing, warm, onStep)
        : await runFresh(scenario, peers, rounds, timing, onStep),
  };
}

/** All peers are started and warm before the first round. */
async function runWarm(
  scenario: Scenario,
  peers: readonly string[],
  timing: Timing,
  warm: Pairs,
  onStep: OnStep,
): Promise<ScenarioRounds['peers']> {
  const pairs = peers.map((peer) => warm.take(peer));
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
    return measured.map(({ pair, rounds }) => ({ peer: pair.peer, rounds }));
  } finally {
    await warm.endScenario();
  }
}

/** Each round has processes of its own, in whose memory nothing is left of another. */
async function runFresh(
  scenario: Scenario,
  peers: readonly string[],
  rounds: number,
  timing: Timing,
  onStep: OnStep,
): Promise<ScenarioRounds['peers']> {
  const measured = peers.map((peer) => ({ peer, rounds: [] as Measurement[] }));
  for (let round = 1; round <= rounds; round++) {
    for (const { peer, rounds: done } of measured) {
      onStep(`${scenario.name} | round ${round} of ${rounds} | ${peer}`);
      const pair = new Pair(peer, true);
      try {
        await pair.connect(scenario.work);
        done.push(await pair.round(timing.roundMs));
      } finally {
        await pair.stop();
      }
    }
  }
  return measured;
}

function memoryRounds({ readsMemory }: Scenario, { rounds, isQuick }: Timing): number | undefined {
  if (readsMemory !== true) return undefined;
  return isQuick ? 1 : Math.min(rounds, MOST_MEMORY_ROUNDS);
}
