// npm run test:chaos -- --minutes N --seed S: the long form of the tests in this folder, each of which has its share of
// the minutes. Without --minutes it is the short form, as in CI.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const USAGE = 'npm run test:chaos -- [--minutes N] [--seed S]';
const EXIT_USAGE = 2;

const settings = settingsOf(process.argv.slice(2));
if (settings === undefined) {
  console.error(USAGE);
  process.exitCode = EXIT_USAGE;
} else {
  process.exitCode = run(settings);
}

function settingsOf(args) {
  try {
    const options = { minutes: { type: 'string' }, seed: { type: 'string' } };
    const { values } = parseArgs({ args, options });
    const { minutes, seed = String(Date.now() % 2 ** 31) } = values;
    const isRight = (minutes === undefined || Number(minutes) > 0) && Number.isSafeInteger(Number(seed));
    return isRight ? { minutes, seed } : undefined;
  } catch (error) {
    console.error(error.message);
    return undefined;
  }
}

/** @returns the exit code */
function run({ minutes, seed }) {
  const again = `npm run test:chaos --${minutes === undefined ? '' : ` --minutes ${minutes}`} --seed ${seed}`;
  console.log(again);
  const env = { ...process.env, TEST_SEED: seed, ...(minutes !== undefined && { CHAOS_MINUTES: minutes }) };
  const steps = [
    ['npm', ['run', '--silent', 'build']],
    // A file after the other: each is to have the machine for itself.
    ['npx', ['vitest', 'run', 'test/chaos', '--no-file-parallelism']],
  ];
  for (const [command, args] of steps) {
    const { status } = spawnSync(command, args, { cwd: ROOT, env, stdio: 'inherit' });
    if (status !== 0) {
      console.error(`It failed. With the same seed: ${again}`);
      return status ?? 1;
    }
  }
  return 0;
}
