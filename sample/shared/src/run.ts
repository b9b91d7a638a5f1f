import { textOf } from './failure.js';

/** What a program takes on its command line. */
export interface CommandLine<Options> {
  /** Printed for `--help`. */
  readonly usage: string;
  /** @throws Failure for an option that is unknown or makes no sense */
  readonly read: (args: readonly string[], env: NodeJS.ProcessEnv) => Options;
}

/** Runs a program with the user's options. An error is printed in a line, and ends the program with code 1. */
export async function run<Options>(
  { usage, read }: CommandLine<Options>,
  main: (options: Options) => Promise<void>,
): Promise<void> {
  const args = process.argv.slice(2);
  if (args.includes('--help')) {
    process.stdout.write(usage);
    return;
  }
  endWithLauncher();
  try {
    await main(read(args, process.env));
  } catch (error) {
    process.stderr.write(`${textOf(error)}\n`);
    process.exit(1);
  }
}

/** A launcher that was killed cannot tell its services: they must see it themselves, or they would run for ever. */
function endWithLauncher(): void {
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  // To listen for it must not keep a process alive that has nothing else to do.
  process.channel?.unref();
}
