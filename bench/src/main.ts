import { appendFile, writeFile } from 'node:fs/promises';
import { parseOptions, USAGE, UsageError, type Options } from './options.js';
import { PEERS } from './peers/index.js';
import { Child } from './process/child.js';
import { Pairs } from './process/pairs.js';
import { jsonOf } from './report/json.js';
import { Progress } from './report/progress.js';
import { goalLinesOf } from './report/goals.js';
import { tablesOf } from './report/table.js';
import { resultsOf, type ScenarioRounds } from './results.js';
import { planOf } from './plan.js';
import { runScenario, stepsOf } from './run-scenario.js';
import { SCENARIOS } from './scenarios/index.js';

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
  else await run(command);
}

async function run(options: Options): Promise<void> {
  const { timing, jsonFile } = options;
  const plan = planOf(options.scenarios, options.peers);
  const { scenarios, peers, leftOut } = plan;
  const startedAt = new Date();
  // A file that cannot be written is found out now, not after minutes of measuring.
  if (jsonFile !== undefined) await appendFile(jsonFile, '');
  for (const { name, reason } of leftOut) console.log(`${name} is left out: ${reason}`);
  if (scenarios.length === 0) throw new Error('Nothing of that can run.');
  console.log(
    `${peers.length} peers, ${scenarios.length} scenarios, ${timing.rounds} interleaved rounds of ${timing.roundMs} ms ` +
      `after ${timing.warmUpMs} ms of warm-up; Node ${process.version}\n`,
  );
  const steps = scenarios.reduce((sum, scenario) => sum + stepsOf(scenario, peers, timing), 0);
  const progress = new Progress(steps, process.stderr);
  const runs: ScenarioRounds[] = [];
  const warm = new Pairs(timing.isQuick);
  try {
    for (const scenario of scenarios) {
      const rounds = await runScenario(scenario, peers, timing, warm, progress.step);
      runs.push(rounds);
      progress.clear();
      const results = resultsOf(rounds);
      const goals = timing.isQuick ? '' : goalLinesOf(scenario, results);
      console.log(`${tablesOf(scenario, results, leftOut)}${goals}`);
    }
  } finally {
    progress.clear();
    await warm.stop();
  }
  console.log('Every answer was checked. Ratios are medians of the ratios of each round, above 1 is better.');
  if (timing.isQuick)
    console.log('A quick run is a smoke test: its rounds are too short to say how fast anything is.');
  if (jsonFile !== undefined) await writeFile(jsonFile, jsonOf(startedAt, timing, plan, runs));
}

function listing(): string {
  const peers = PEERS.map(({ name, title, missing }) => {
    const reason = missing?.();
    return `  ${name.padEnd(14)} ${title}${reason === undefined ? '' : ` (${reason})`}`;
  });
  return ['Scenarios', ...SCENARIOS.map(({ name }) => `  ${name}`), '', 'Peers', ...peers].join('\n');
}
