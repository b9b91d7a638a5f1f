import { parseArgs } from 'node:util';
import { orUsage, portNumber, wholeNumber, type CommandLine } from '../../shared/dist/index.js';

const USAGE = `Counts primes: a hub hands out ranges to the workers that have dialed it, over their own connections.

  npm run start:both-ways -- [options]

  --below N         count the primes below this         (default: 100000000)
  --workers N       how many workers, a process each    (default: 3)
  --once            end after that, without serving HTTP
  --port N          the hub's port for HTTP             (default: PORT, or 3000; 0 takes a free one)
  --hub-port N      the hub's port for workers          (default: 6262; likewise)
  --name NAME       what the worker is called, when it is started alone
  --help            show this
`;

/** What the user has asked for. A class, so that Nest injects it by its name. */
export abstract class Options {
  abstract readonly below: number;
  abstract readonly workers: number;
  abstract readonly once: boolean;
  abstract readonly port: number;
  abstract readonly hubPort: number;
  abstract readonly name: string;
}

/** A worker's sieve begins with the primes up to the root of this: a megabyte. */
export const MOST = 1_000_000_000_000;

export const COMMAND_LINE: CommandLine<Options> = {
  usage: USAGE,
  read(args, env) {
    const given = parse(args);
    return {
      below: wholeNumber('--below', given.below ?? '100000000', { most: MOST }),
      workers: wholeNumber('--workers', given.workers ?? '3', { least: 1, most: 64 }),
      once: given.once ?? false,
      port: portNumber('--port or PORT', given.port ?? env['PORT'] ?? '3000'),
      hubPort: portNumber('--hub-port', given['hub-port'] ?? '6262'),
      name: given.name ?? 'worker',
    };
  },
};

function parse(args: readonly string[]) {
  const options = {
    below: { type: 'string' },
    workers: { type: 'string' },
    once: { type: 'boolean' },
    port: { type: 'string' },
    'hub-port': { type: 'string' },
    name: { type: 'string' },
  } as const;
  return orUsage(USAGE, () => parseArgs({ args: [...args], options }).values);
}
