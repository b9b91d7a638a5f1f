import { parseArgs } from 'node:util';
import { Failure, messageOf } from './failure.js';

export const USAGE = `Counts primes: a hub hands out ranges to the workers that have dialed it, over their own connections.

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

/** @throws Failure for an option that is unknown or makes no sense */
export function readOptions(args: readonly string[], env: NodeJS.ProcessEnv): Options {
  const given = parse(args);
  return {
    below: wholeNumber('--below', given.below ?? '100000000', 0, MOST),
    workers: wholeNumber('--workers', given.workers ?? '3', 1, 64),
    once: given.once ?? false,
    port: wholeNumber('--port or PORT', given.port ?? env['PORT'] ?? '3000', 0, 65_535),
    hubPort: wholeNumber('--hub-port', given['hub-port'] ?? '6262', 0, 65_535),
    name: given.name ?? 'worker',
  };
}

function parse(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        below: { type: 'string' },
        workers: { type: 'string' },
        once: { type: 'boolean' },
        port: { type: 'string' },
        'hub-port': { type: 'string' },
        name: { type: 'string' },
      },
    });
    return values;
  } catch (error) {
    throw new Failure(`${messageOf(error)}\n\n${USAGE}`);
  }
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new Failure(`${name} is "${text}": it must be a whole number from ${least} to ${most}.`);
}
