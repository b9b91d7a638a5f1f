import { expect, test } from 'vitest';
import type { FaultProxy } from '../support/fault-proxy/fault-proxy.js';
import { HOST, proveNothingIsLeft } from '../support/harness.js';
import { Child } from './child.js';
import type { Outcome } from './operation.js';
import { startProxy } from './scene.js';
import { budgetOf, timeoutOf } from './settings.js';

const CLIENTS = 20;

/** Calls a second, of all clients together. */
const RATE = 1_000;

/** What is under way when a server is told to end: mostly calls, and some that take longer. */
const KINDS = [...Array.from({ length: 8 }, () => 'unary'), 'event', 'down'];

proveNothingIsLeft();

/** A place in a cluster: its address stays, and who serves there is replaced. */
class Place {
  private constructor(
    private readonly proxy: FaultProxy,
    private server: Child,
  ) {}

  static async open(): Promise<Place> {
    const { server, port } = await startServer();
    return new Place(await startProxy({ port }), server);
  }

  get url(): string {
    return `http://${HOST}:${this.proxy.port}`;
  }

  /** As a cluster's manager does it: the old one is told to end, and has ended before a new one begins. */
  async restart(): Promise<void> {
    this.server.signal('SIGTERM');
    // Nest ends the process with the signal that it was told with, once all is closed.
    expect(await this.server.ended).toBe('SIGTERM');
    const { server, port } = await startServer();
    this.server = server;
    this.proxy.retarget({ port });
  }
}

async function startServer(): Promise<{ server: Child; port: number }> {
  const server = new Child('server');
  return { server, port: await server.ask<number>('listen', {}) };
}

test(
  `two servers that are restarted one after the other, under ${RATE} calls a second: none fails`,
  async () => {
    const places = [await Place.open(), await Place.open()];
    const client = new Child('client');
    const names = Array.from({ length: CLIENTS }, (_, index) => `client ${index}`);
    for (const [index, name] of names.entries()) {
      // Half of them begin with the one, half with the other.
      const url =
        index % 2 === 0 ? places.map((place) => place.url) : places.map((place) => place.url).toReversed();
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await client.ask('open', {
        name,
        options: { url, reconnectionDelay: 50, maxReconnectionAttempts: Infinity },
      });
    }
    await client.ask('load', { name: 'load', names, prefix: 'call', kinds: KINDS, hold: 20, rate: RATE });
    await client.ask('progress', { name: 'load', count: RATE });

    const until = performance.now() + budgetOf('restarts');
    let restarts = 0;
    do {
      for (const place of places) {
        // oxlint-disable no-await-in-loop -- one after the other
        await place.restart();
        // The next one begins when this one is used again, or could be.
        await client.ask('progress', { name: 'load', count: RATE });
        // oxlint-enable no-await-in-loop
        restarts += 1;
      }
    } while (performance.now() < until);

    const { outcomes, took } = await client.ask<{ outcomes: Map<string, Outcome>; took: number }>('unload', {
      name: 'load',
    });
    const failed = [...outcomes.values()]
      .filter(({ ok }) => !ok)
      .map(({ code, message }) => `${code}: ${message}`);
    expect(failed).toEqual([]);
    expect(restarts).toBeGreaterThanOrEqual(2);
    // The load was as heavy as it says.
    expect(outcomes.size).toBeGreaterThanOrEqual((took / 1000) * RATE * 0.95);
    for (const name of names) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await client.ask('close', { name });
    }
  },
  timeoutOf('restarts'),
);
