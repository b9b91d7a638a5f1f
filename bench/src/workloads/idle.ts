import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '../peers/peer.js';
import { echo } from './echo.js';
import type { Bench, Measurement, Workload } from './workload.js';

/** Connections that are opened and then say nothing, for what they cost the server. */
export interface IdleWork {
  readonly kind: 'idle';
  readonly connections: number;
}

/** Before memory is first read: what the first connections bring into the world is not what one more costs. */
const WARM_UP = 100;
const AT_ONCE = 50;
/** What a handshake leaves behind may go before memory is read. */
const SETTLE_MS = 500;
/** One in how many connections is asked for an echo. */
const CHECK_EVERY = 100;

export class Idle implements Workload {
  readonly #connections: Connection[] = [];

  constructor(
    private readonly work: IdleWork,
    private readonly bench: Bench,
  ) {}

  async prepare(): Promise<void> {
    await this.#open(WARM_UP);
    await sleep(SETTLE_MS);
  }

  async round(): Promise<Measurement> {
    const { connections } = this.work;
    const startedAt = performance.now();
    await this.#open(connections);
    const openRate = (connections / (performance.now() - startedAt)) * 1_000;
    const some = this.#connections.filter((_, i) => i % CHECK_EVERY === 0);
    await Promise.all(some.map((connection) => echo(connection, 'idle')));
    await sleep(SETTLE_MS);
    return { connections, openRate };
  }

  async #open(count: number): Promise<void> {
    for (let left = count; left > 0; left -= AT_ONCE) {
      const some = Array.from({ length: Math.min(left, AT_ONCE) }, () => this.bench.connect());
      // oxlint-disable-next-line no-await-in-loop -- no more than so many at once
      this.#connections.push(...(await Promise.all(some)));
    }
  }
}
