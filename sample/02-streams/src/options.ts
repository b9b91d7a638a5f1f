import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Failure, messageOf } from './failure.js';

export const USAGE = `Streams the lines of a large file from a Nest service, through a gateway, to a browser or curl.

  npm run start:streams -- [options]

  --file PATH       the text file                      (default: a million lines, written for the purpose)
  --once            read a part over HTTP, go away, show that the service stopped, and end
  --port N          the HTTP port of the gateway       (default: PORT, or 3000; 0 takes a free one)
  --lines-port N    the port of the lines service      (default: 6262; likewise)
  --help            show this
`;

/** What the user has asked for. A class, so that Nest injects it by its name. */
export abstract class Options {
  /** Undefined for a file that is made for the purpose. */
  abstract readonly file: string | undefined;
  abstract readonly once: boolean;
  abstract readonly port: number;
  abstract readonly linesPort: number;
}

/** @throws Failure for an option that is unknown or makes no sense */
export function readOptions(args: readonly string[], env: NodeJS.ProcessEnv): Options {
  const given = parse(args);
  return {
    file: given.file === undefined ? undefined : resolveFile(given.file, env),
    once: given.once ?? false,
    port: portOf('--port or PORT', given.port ?? env['PORT'] ?? '3000'),
    linesPort: portOf('--lines-port', given['lines-port'] ?? '6262'),
  };
}

function parse(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        file: { type: 'string' },
        once: { type: 'boolean' },
        port: { type: 'string' },
        'lines-port': { type: 'string' },
      },
    });
    return values;
  } catch (error) {
    throw new Failure(`${messageOf(error)}\n\n${USAGE}`);
  }
}

function resolveFile(file: string, env: NodeJS.ProcessEnv): string {
  if (file === '') throw new Failure('--file needs the path of a text file.');
  // npm runs its scripts in the folder of the package, but the user means the folder in which npm was typed.
  const isNpmStart = env['npm_lifecycle_event']?.startsWith('start') ?? false;
  return resolve((isNpmStart ? env['INIT_CWD'] : undefined) ?? process.cwd(), file);
}

function portOf(name: string, text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new Failure(`${name} is "${text}": it must be a whole number from 0 to 65535.`);
}
