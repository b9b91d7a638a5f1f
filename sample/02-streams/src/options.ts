import { parseArgs } from 'node:util';
import { filePath, orUsage, portNumber, type CommandLine } from '../../shared/dist/index.js';

const USAGE = `Streams the lines of a large file from a Nest service, through a gateway, to a browser or curl.

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

export const COMMAND_LINE: CommandLine<Options> = {
  usage: USAGE,
  read(args, env) {
    const given = parse(args);
    return {
      file: given.file === undefined ? undefined : filePath(given.file, env),
      once: given.once ?? false,
      port: portNumber('--port or PORT', given.port ?? env['PORT'] ?? '3000'),
      linesPort: portNumber('--lines-port', given['lines-port'] ?? '6262'),
    };
  },
};

function parse(args: readonly string[]) {
  const options = {
    file: { type: 'string' },
    once: { type: 'boolean' },
    port: { type: 'string' },
    'lines-port': { type: 'string' },
  } as const;
  return orUsage(USAGE, () => parseArgs({ args: [...args], options }).values);
}
