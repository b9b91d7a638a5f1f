import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { atEnd, HOST, proveNothingIsLeft } from '../support/harness.js';
import { seededRandom } from '../support/random.js';
import { Child } from './child.js';
import type { Outcome, Shape } from './operation.js';
import { ClientSession, startProxy, WATCHFUL_CLIENT, WATCHFUL_SERVER } from './scene.js';
import { budgetOf, IS_LONG, SEED, timeoutOf } from './settings.js';

/** How often the server is killed, at the least. */
const LEAST_KILLS = IS_LONG ? 100 : 12;

/** What a busy machine may take beyond what the client waits, in milliseconds. */
const GRACE = 2_000;

/** What the ids of the load begin with. */
const LOAD = 'load';

const PROBE: Shape = { kind: 'unary', size: 10, count: 0, hold: 0 };

proveNothingIsLeft();

/** What the handlers have written down before they finished: `<process> <kind> <id>` a line. */
async function handledIn(log: string): Promise<Map<string, string[]>> {
  const handled = new Map<string, string[]>();
  for (const line of (await readFile(log, 'utf8')).trimEnd().split('\n')) {
    const [pid = '', , id = ''] = line.split(' ');
    handled.set(id, [...(handled.get(id) ?? []), pid]);
  }
  return handled;
}

test(
  'a server that is killed at random moments: no acknowledged event is lost, no call hangs, the client is soon back',
  async () => {
    const random = seededRandom(SEED);
    const directory = await mkdtemp(join(tmpdir(), 'n2n-chaos-'));
    atEnd(() => rm(directory, { recursive: true }));
    const log = join(directory, 'handled.log');
    const startServer = async (): Promise<{ server: Child; port: number }> => {
      const server = new Child('server');
      return { server, port: await server.ask<number>('listen', { options: WATCHFUL_SERVER, log }) };
    };

    let { server, port } = await startServer();
    const proxy = await startProxy({ port });
    const client = new Child('client');
    const url = `http://${HOST}:${proxy.port}`;
    const session = new ClientSession(client, 'busy', 'probe');
    await session.open({ url, ...WATCHFUL_CLIENT });
    const load = { name: 'load', names: ['busy'], prefix: LOAD, hold: 5, atOnce: 40 };
    await client.ask('load', { ...load, kinds: ['event', 'event', 'event', 'unary'] });

    const until = performance.now() + budgetOf('kills');
    let kills = 0;
    for (; kills < LEAST_KILLS || performance.now() < until; kills += 1) {
      // oxlint-disable no-await-in-loop -- one life of the server after the other
      await client.ask('progress', { name: 'load', count: 1 + Math.floor(random() * 300) });
      await server.kill();
      ({ server, port } = await startServer());
      proxy.retarget({ port });
      const there = performance.now();
      const [{ id }] = await session.start([PROBE]);
      expect((await session.settle()).get(id)).toEqual({ ok: true });
      expect(performance.now() - there).toBeLessThan(WATCHFUL_CLIENT.maxReconnectionDelay * 1.5 + GRACE);
      // oxlint-enable no-await-in-loop
    }

    const { outcomes } = await client.ask<{ outcomes: Map<string, Outcome> }>('unload', { name: 'load' });
    const handled = await handledIn(log);
    const faults: string[] = [];
    const isEvent = (id: string): boolean => Number(id.slice(LOAD.length)) % 4 !== 3;
    for (const [id, { ok, code, message }] of outcomes) {
      const pids = handled.get(id) ?? [];
      if (ok && pids.length === 0) faults.push(`${id} is acknowledged, and was never handled`);
      if (new Set(pids).size < pids.length) faults.push(`${id} was handled twice in one life of the server`);
      if (isEvent(id) ? !ok : !ok && code !== 'CONNECTION_LOST') faults.push(`${id}: ${code} ${message}`);
      if (!isEvent(id) && pids.length > 1) faults.push(`${id} is a call, and ran ${pids.length} times`);
    }
    for (const id of handled.keys()) {
      if (id.startsWith(LOAD) && !outcomes.has(id)) faults.push(`${id} was handled, and never sent`);
    }
    expect(faults).toEqual([]);
    expect(kills).toBeGreaterThanOrEqual(LEAST_KILLS);
    // Some calls must have been hit, or the moments were not random.
    expect([...outcomes.values()].some(({ ok }) => !ok)).toBe(true);
    await session.close();
  },
  timeoutOf('kills'),
);
