import { appendFile, writeFile } from 'node:fs/promises';
import { parseOptions, USAGE, UsageError, type Options } from './options.js';
import { PEERS } from './peers/index.js';
import { Child } from './process/child.js';
import { jsonOf } from './report/json.js';
import { Progress } from './report/progress.js';
import { goalLinesOf } from './report/goals.js';
import { tablesOf } from './report/table.js';
import { resultsOf, type ScenarioRounds } from './results.js';
import { peersOf, runScenario, stepsOf } from './run-scenario.js';
import { SCENARIOS } from './scenarios.js';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const EXIT_INTERRUPTED = 130;

process.on('exit', () => Child.killAll());
process.on('SIGINT', () => process.exit(EXIT_INTERRUPTED));
process.on('SIGTERM', () => process.exit(EXIT_INTERRUPTED));

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof UsageError) {
    console.error(`${error.message}\n\n${USAGE}`);
    process.exitCode = EXIT_USAGE;
  } else {
    console.error(`\nThe run failed. ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = EXIT_FAILED;
  }
}

async function main(args: readonly string[]): Promise<void> {
  const command = parseOptions(args, SCENARIOS, PEERS);
  if (command === 'help') console.log(USAGE);
  else if (command === 'list') console.log(listing());
  else await run(withoutMissing(command));
}

async function run(options: Options): Promise<void> {
  const { scenarios, peers, timing, jsonFile } = options;
  const startedAt = new Date();
  // A file that cannot be written is found out now, not after minutes of measuring.
  if (jsonFile !== undefined) await appendFile(jsonFile, '');
  console.log(
    `${peers.length} peers, ${scenarios.length} scenarios, ${timing.rounds} interleaved rounds of ${timing.roundMs} ms ` +
      `after ${timing.warmUpMs} ms of warm-up; Node ${process.version}\n`,
  );
  const steps = scenarios.reduce((sum, scenario) => sum + stepsOf(scenario, peers, timing), 0);
  const progress = new Progress(steps, process.stderr);
  const runs: ScenarioRounds[] = [];
  try {
    for (const scenario of scenarios) {
      const rounds = await runScenario(scenario, peers, timing, progress.step);
      runs.push(rounds);
      progress.clear();
      const results = resultsOf(rounds);
      console.log(`${tablesOf(scenario, results)}${goalLinesOf(scenario, results)}`);
    }
  } finally {
    progress.clear();
  }
  console.log('Every answer was checked. Ratios are medians of the ratios of each round, above 1 is better.');
  if (jsonFile !== undefined) await writeFile(jsonFile, jsonOf(startedAt, options, runs));
}

function withoutMissing(options: Options): Options {
  const peers = options.peers.filter(({ name, missing }) => {
    const reason = missing?.();
    if (reason !== undefined) console.log(`${name} is left out: ${reason}`);
    return reason === undefined;
  });
  const scenarios = options.scenarios.filter((scenario) => peersOf(scenario, peers).length > 0);
  if (scenarios.length === 0) throw new Error('None of the peers can run on this machine.');
  return { ...options, scenarios, peers };
}

function listing(): string {
  const peers = PEERS.map(({ name, title }) => `  ${name.padEnd(14)} ${title}`);
  return ['Scenarios', ...SCENARIOS.map(({ name }) => `  ${name}`), '', 'Peers', ...peers].join('\n');
}
