import { resolve } from 'node:path';
import { Failure, messageOf } from './failure.js';

/** @throws Failure with the usage below the reason, when the arguments cannot be parsed */
export function orUsage<Values>(usage: string, parse: () => Values): Values {
  try {
    return parse();
  } catch (error) {
    throw new Failure(`${messageOf(error)}\n\n${usage}`);
  }
}

/** @throws Failure for an option that is no whole number in its range */
export function wholeNumber(
  name: string,
  text: string,
  { least = 0, most }: { least?: number; most: number },
): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new Failure(`${name} is "${text}": it must be a whole number from ${least} to ${most}.`);
}

/** @throws Failure for an option that is no port */
export function portNumber(name: string, text: string): number {
  return wholeNumber(name, text, { most: 65_535 });
}

/** The absolute path of a file that `--file` names. */
export function filePath(file: string, env: NodeJS.ProcessEnv): string {
  if (file === '') throw new Failure('--file needs the path of a text file.');
  // npm runs its scripts in the folder of the package, but the user means the folder in which npm was typed.
  const isNpmStart = env['npm_lifecycle_event']?.startsWith('start') ?? false;
  return resolve((isNpmStart ? env['INIT_CWD'] : undefined) ?? process.cwd(), file);
}
