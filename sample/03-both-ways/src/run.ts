import { textOf } from './failure.js';
import { readOptions, USAGE, type Options } from './options.js';

/** Runs a program of this sample with the user's options; what goes wrong is told in a line, and ends it with code 1. */
export async function run(main: (options: Options) => Promise<void>): Promise<void> {
  const args = process.argv.slice(2);
  if (args.includes('--help')) {
    process.stdout.write(USAGE);
    return;
  }
  endWithLauncher();
  try {
    await main(readOptions(args, process.env));
  } catch (error) {
    process.stderr.write(`${textOf(error)}\n`);
    process.exit(1);
  }
}

/** A launcher that was killed can tell its services nothing: they must see it themselves, or they would run for ever. */
function endWithLauncher(): void {
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  // To listen for it must not keep a process alive that has nothing else to do.
  process.channel?.unref();
}
