import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { atEnd, freePort, portOf, proveNothingIsLeft } from '../support/harness.js';
import { Program, ROOT } from '../support/processes/program.js';

const DIST = join(ROOT, 'sample/03-both-ways/dist');
const LAUNCHER = join(DIST, 'main.js');
const HUB = join(DIST, 'hub/main.js');
const WORKER = join(DIST, 'worker/main.js');

proveNothingIsLeft();

function bothWays(...args: string[]): Program {
  return new Program([LAUNCHER, '--hub-port', '0', '--port', '0', ...args]);
}

async function startHub(...args: string[]): Promise<{ hub: Program; port: string }> {
  const hub = new Program([HUB, '--hub-port', '0', '--port', '0', ...args]);
  const [, port] = await hub.line(/^hub {7}takes workers on localhost:(\d+)$/);
  return { hub, port };
}

function startWorker(name: string, port: string): Program {
  return new Program([WORKER, '--name', name, '--hub-port', port]);
}

async function urlOf(program: Program): Promise<string> {
  const [, url] = await program.line(/^hub {7}ask it: curl '(http:\S+)\/primes/);
  return url;
}

describe('the hub with --once', () => {
  // The numbers of primes are those of the books.
  it.each([
    [0, 0],
    [2, 0],
    [3, 1],
    [10, 4],
    [1_000_000, 78_498],
    [1_000_001, 78_498],
    [1_000_004, 78_499],
    [10_000_000, 664_579],
  ])('counts the primes below %i over its workers: %i', async (below, primes) => {
    const { code, stdout, stderr } = await bothWays('--once', '--below', String(below)).ended;
    expect(stderr).toBe('');
    const pieces = Math.ceil(below / 1_000_000);
    expect(stdout).toMatch(
      new RegExp(`^hub {7}${primes} primes below ${below}, in ${pieces} pieces? and [\\d.]+ s$`, 'm'),
    );
    const shares = [...stdout.matchAll(/^hub {7}worker-\d did (\d+) pieces?$/gm)].map(([, share]) =>
      Number(share),
    );
    expect(shares.reduce((sum, share) => sum + share, 0)).toBe(pieces);
    expect(code).toBe(0);
  });

  it('shares the work among all the workers, and tells them all of the end', async () => {
    const { code, stdout } = await bothWays('--once', '--below', '50000000', '--workers', '4').ended;
    expect(stdout).toMatch(/^hub {7}3001134 primes below 50000000, in 50 pieces/m);
    for (const name of ['worker-1', 'worker-2', 'worker-3', 'worker-4']) {
      const [, did] = new RegExp(`^hub {7}${name} did (\\d+) pieces?$`, 'm').exec(stdout) ?? [];
      const [, told] =
        new RegExp(
          `^${name}  job\\.done: 3001134 primes below 50000000; (\\d+) pieces? came here$`,
          'm',
        ).exec(stdout) ?? [];
      expect(Number(did)).toBeGreaterThan(0);
      expect(told).toBe(did);
    }
    expect(code).toBe(0);
  });
});

describe('the hub, when workers come and go', () => {
  it('gives the piece of a killed worker to another, and counts right', async () => {
    const { hub, port } = await startHub('--once', '--workers', '2', '--below', '100000000');
    const first = startWorker('first', port);
    await first.line(/joined the hub/);
    const second = startWorker('second', port);
    await second.line(/joined the hub/);
    first.child.kill('SIGKILL');
    const { code, stdout, stderr } = await hub.ended;
    expect(stderr).toBe('');
    expect(stdout).toMatch(
      /^hub {7}first did not finish \d+ to \d+, which goes to another: CONNECTION_LOST: /m,
    );
    expect(stdout).toMatch(/^hub {7}5761455 primes below 100000000, in 100 pieces/m);
    expect(code).toBe(0);
  });

  it('says so, with code 1, when the last worker is killed', async () => {
    const { hub, port } = await startHub('--once', '--workers', '1', '--below', '100000000000');
    const worker = startWorker('only', port);
    await worker.line(/joined the hub/);
    worker.child.kill('SIGKILL');
    const { code, stderr } = await hub.ended;
    expect(stderr).toMatch(/^Every worker went away: \d+ of 100000 pieces were done\.\n$/);
    expect(code).toBe(1);
  });

  it('answers over HTTP with those who are there, and 503 when nobody is', async () => {
    const { hub, port } = await startHub('--workers', '1', '--below', '1000000');
    const worker = startWorker('one', port);
    const url = await urlOf(hub);
    const ask = (below: string): Promise<Response> => fetch(`${url}/primes?below=${below}`);
    expect(await (await ask('10000000')).json()).toEqual({ below: 10_000_000, primes: 664_579, workers: 1 });
    const another = startWorker('two', port);
    await another.line(/joined the hub .* 2 now$/);
    expect(await (await ask('30000000')).json()).toEqual({
      below: 30_000_000,
      primes: 1_857_859,
      workers: 2,
    });
    expect((await ask('many')).status).toBe(400);
    expect((await fetch(`${url}/primes`)).status).toBe(400);

    for (const program of [worker, another]) program.child.kill('SIGTERM');
    await hub.line(/is gone; 0 connected$/);
    const nobody = await ask('1000000');
    expect(nobody.status).toBe(503);
    expect(await nobody.json()).toMatchObject({ message: 'No worker is connected.' });
  });

  it('has its workers again when it comes back', async () => {
    const { hub, port } = await startHub('--workers', '1', '--below', '1000000');
    const worker = startWorker('one', port);
    await urlOf(hub);
    hub.child.kill('SIGKILL');
    await hub.ended;
    const again = new Program([
      HUB,
      '--hub-port',
      port,
      '--port',
      '0',
      '--once',
      '--workers',
      '1',
      '--below',
      '100',
    ]);
    expect((await again.ended).stdout).toMatch(/^hub {7}25 primes below 100, in 1 piece /m);
    await worker.line(/job\.done: 25 primes below 100/);
  });
});

describe('the both-ways sample that cannot do what it is asked', () => {
  it.each([
    ['an option that there is not', ['--fiel', 'x'], /^Unknown option '--fiel'/],
    [
      'too many numbers',
      ['--below', '9999999999999999'],
      /^--below is "9999999999999999": it must be a whole/,
    ],
    ['no workers', ['--workers', '0'], /^--workers is "0": it must be a whole number from 1 to 64\.$/],
  ])('says in one line what is wrong, and ends with code 1: %s', async (_, args, message) => {
    const { code, stdout, stderr } = await new Program([LAUNCHER, '--once', ...args]).ended;
    expect(stderr.split('\n')[0]).toMatch(message);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(stdout).toBe('');
    expect(code).toBe(1);
  });

  it.each(['--port', '--hub-port'])('says so when the port of %s is in use', async (option) => {
    const taken = createServer().listen(0, 'localhost');
    await once(taken, 'listening');
    atEnd(() => new Promise((resolve) => taken.close(resolve)));
    const { code, stderr } = await bothWays(option, String(portOf(taken))).ended;
    expect(stderr).toMatch(/^.* in use.*--(hub-)?port.*\n$/);
    expect(code).toBe(1);
  });

  it('says so when there is no hub for a worker, which joins when there is one', async () => {
    const port = await freePort();
    const worker = startWorker('lonely', String(port));
    await worker.line(
      new RegExp(
        `^lonely {4}there is no hub at http://localhost:${port}, waits for one: "npm run start:both-ways" starts it$`,
      ),
    );
    const hub = new Program([HUB, '--hub-port', String(port), '--port', '0']);
    await hub.line(/takes workers/);
    await worker.line(/^lonely {4}joined the hub at /);
    worker.child.kill('SIGTERM');
    const { stdout, stderr } = await worker.ended;
    expect(stdout.match(/there is no hub/g)).toHaveLength(1);
    expect(stderr).toBe('');
  });
});

describe('the both-ways sample', () => {
  it('ends all of its processes when it is told to', async () => {
    const program = bothWays('--below', '1000000');
    await urlOf(program);
    program.child.kill('SIGTERM');
    const { code, stderr } = await program.ended;
    expect(stderr).toBe('');
    expect(code).toBe(128 + 15);
  });

  it('is what npm run start:both-ways runs, with what it needs built first', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    expect(scripts['start:both-ways']).toBe(
      'npm run --silent build && npm run --silent build:samples && node sample/03-both-ways/dist/main.js',
    );
    expect(scripts['build:samples']).toContain('nest build both-ways');
  });
});
