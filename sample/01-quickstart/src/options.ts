import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { filePath, orUsage, portNumber, wholeNumber, type CommandLine } from '../../shared/dist/index.js';

const USAGE = `Counts the words of a text file with two Nest services, then answers over HTTP.

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

export const COMMAND_LINE: CommandLine<Options> = {
  usage: USAGE,
  read(args, env) {
    const given = parse(args);
    return {
      file: fileOf(given.file, env),
      top: wholeNumber('--top', given.top ?? '10', { most: Number.MAX_SAFE_INTEGER }),
      once: given.once ?? false,
      port: portNumber('--port or PORT', given.port ?? env['PORT'] ?? '3000'),
      wordsPort: portNumber('--words-port or WORDS_PORT', given['words-port'] ?? env['WORDS_PORT'] ?? '6262'),
    };
  },
};

function parse(args: readonly string[]) {
  const options = {
    file: { type: 'string' },
    top: { type: 'string' },
    once: { type: 'boolean' },
    port: { type: 'string' },
    'words-port': { type: 'string' },
  } as const;
  return orUsage(USAGE, () => parseArgs({ args: [...args], options }).values);
}

function fileOf(file: string | undefined, env: NodeJS.ProcessEnv): string {
  if (file === undefined) return fileURLToPath(new URL('../../../package-lock.json', import.meta.url));
  return file === '-' ? file : filePath(file, env);
}
