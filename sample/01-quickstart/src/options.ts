import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Failure, messageOf } from './failure.js';

export const USAGE = `Counts the words of a text file with two Nest services, then answers over HTTP.

  npm start -- [options]

  --file PATH       the text file; "-" is the standard input    (default: the repository's package-lock.json)
  --top N           how many of the most frequent words to show (default: 10)
  --once            end after the file, without serving HTTP
  --port N          the HTTP port of the gateway                (default: PORT, or 3000; 0 takes a free one)
  --words-port N    the port of the words service               (default: WORDS_PORT, or 6262; likewise)
  --help            show this
`;

/** What the user has asked for. A class, so that Nest injects it by its name. */
export abstract class Options {
  abstract readonly file: string;
  abstract readonly top: number;
  abstract readonly once: boolean;
  abstract readonly port: number;
  abstract readonly wordsPort: number;
}

/** @throws Failure for an option that is unknown or makes no sense */
export function readOptions(args: readonly string[], env: NodeJS.ProcessEnv): Options {
  const given = parse(args);
  return {
    file: given.file === undefined ? defaultFile() : resolveFile(given.file, env),
    top: wholeNumber('--top', given.top ?? '10', Number.MAX_SAFE_INTEGER),
    once: given.once ?? false,
    port: wholeNumber('--port or PORT', given.port ?? env['PORT'] ?? '3000', 65_535),
    wordsPort: wholeNumber(
      '--words-port or WORDS_PORT',
      given['words-port'] ?? env['WORDS_PORT'] ?? '6262',
      65_535,
    ),
  };
}

function parse(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        file: { type: 'string' },
        top: { type: 'string' },
        once: { type: 'boolean' },
        port: { type: 'string' },
        'words-port': { type: 'string' },
      },
    });
    return values;
  } catch (error) {
    throw new Failure(`${messageOf(error)}\n\n${USAGE}`);
  }
}

function defaultFile(): string {
  return fileURLToPath(new URL('../../../package-lock.json', import.meta.url));
}

function resolveFile(file: string, env: NodeJS.ProcessEnv): string {
  if (file === '') throw new Failure('--file needs the path of a text file.');
  if (file === '-') return file;
  // npm runs its scripts in the folder of the package, but the user means the folder in which npm was typed.
  const isNpmStart = env['npm_lifecycle_event']?.startsWith('start') ?? false;
  return resolve((isNpmStart ? env['INIT_CWD'] : undefined) ?? process.cwd(), file);
}

function wholeNumber(name: string, text: string, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= most) return value;
  throw new Failure(`${name} is "${text}": it must be a whole number from 0 to ${most}.`);
}
