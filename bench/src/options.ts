import { parseArgs } from 'node:util';
import type { PeerEntry } from './peers/index.js';
import { peersOf, quickened } from './plan.js';
import type { Scenario } from './scenarios/scenario.js';

export interface Options {
  readonly scenarios: readonly Scenario[];
  readonly peers: readonly PeerEntry[];
  readonly timing: Timing;
  readonly jsonFile: string | undefined;
}

export interface Timing {
  readonly rounds: number;
  readonly roundMs: number;
  readonly warmUpMs: number;
  /** Whether the run is a smoke test, whose figures say nothing. */
  readonly isQuick: boolean;
}

/** A command line that cannot be followed; the message is for the user. */
export class UsageError extends Error {}

const DEFAULT: Timing = { rounds: 5, roundMs: 1_500, warmUpMs: 1_000, isQuick: false };

const QUICK_ROUNDS = 1;
const QUICK_MOST_MS = 400;
const QUICK_LEAST_MS = 20;
/** What all rounds and warm-ups of a quick run share, so that it ends within a minute however many scenarios there are. */
const QUICK_BUDGET_MS = 6_000;

const MOST_ROUNDS = 1_000;

export const USAGE = `Usage: npm run bench -- [options]

  --only TEXT     only the scenarios or peers whose name contains TEXT; may be given several times, or with commas
  --quick         under a minute: less of everything, for a smoke test
  --rounds N      rounds of each peer in each scenario (${DEFAULT.rounds}; with --quick ${QUICK_ROUNDS})
  --json FILE     writes every round, the medians and the ratios to FILE
  --list          names the scenarios and the peers
  --help          this text
`;

type Command = 'help' | 'list' | Options;

export function parseOptions(
  args: readonly string[],
  scenarios: readonly Scenario[],
  peers: readonly PeerEntry[],
): Command {
  const values = parse(args);
  if (values.help === true) return 'help';
  if (values.list === true) return 'list';
  const chosen = choose(values.only ?? [], scenarios, peers);
  const rounds = values.rounds === undefined ? undefined : parseRounds(values.rounds);
  if (values.quick !== true) {
    const timing = { ...DEFAULT, rounds: rounds ?? DEFAULT.rounds };
    return { ...chosen, timing, jsonFile: values.json };
  }
  const quick = chosen.scenarios.map((scenario) => quickened(scenario, chosen.peers.length < peers.length));
  const pairs = quick.reduce((sum, scenario) => sum + peersOf(scenario, chosen.peers).length, 0);
  const timing = quickTiming(pairs, rounds ?? QUICK_ROUNDS);
  return { scenarios: quick, peers: chosen.peers, timing, jsonFile: values.json };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: { type: 'string', multiple: true },
        quick: { type: 'boolean' },
        rounds: { type: 'string' },
        json: { type: 'string' },
        list: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function quickTiming(pairs: number, rounds: number): Timing {
  const share = Math.floor(QUICK_BUDGET_MS / (pairs * (rounds + 1)));
  const ms = Math.min(QUICK_MOST_MS, Math.max(QUICK_LEAST_MS, share));
  return { rounds, roundMs: ms, warmUpMs: ms, isQuick: true };
}

function parseRounds(text: string): number {
  const rounds = Number(text);
  if (!/^\d+$/.test(text) || rounds < 1 || rounds > MOST_ROUNDS) {
    throw new UsageError(`--rounds takes a number from 1 to ${MOST_ROUNDS}, not '${text}'.`);
  }
  return rounds;
}

/** A text that is in scenarios' names narrows the scenarios, one that is in peers' names the peers. */
function choose(only: readonly string[], scenarios: readonly Scenario[], peers: readonly PeerEntry[]) {
  const texts = only.flatMap((value) => value.split(',')).map((text) => text.trim());
  for (const text of texts) {
    if (text === '' || ![...scenarios, ...peers].some(({ name }) => name.includes(text))) {
      throw new UsageError(`--only '${text}' is in the name of no scenario and no peer; --list shows them.`);
    }
  }
  const chosen = narrow(peers, texts);
  const withPeers = narrow(scenarios, texts).filter((scenario) => peersOf(scenario, chosen).length > 0);
  if (withPeers.length === 0)
    throw new UsageError('None of the scenarios has any of the peers that --only names.');
  return { scenarios: withPeers, peers: chosen };
}

function narrow<T extends { readonly name: string }>(
  all: readonly T[],
  texts: readonly string[],
): readonly T[] {
  const some = all.filter(({ name }) => texts.some((text) => name.includes(text)));
  return some.length === 0 ? all : some;
}
