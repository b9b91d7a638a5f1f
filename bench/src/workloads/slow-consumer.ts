import { setTimeout as sleep } from 'node:timers/promises';
import { GENERATED, type Connection } from '../peers/peer.js';
import { n2nClientOf } from './nest-client.js';
import type { Measurement, Workload } from './workload.js';

/** A consumer that takes an item a millisecond from a generator that could give them all at once. */
export interface SlowConsumerWork {
  readonly kind: 'slow-consumer';
  readonly items: number;
  readonly durationMs: number;
}

/** Before memory is first read: what the first streams bring into the world is not what a slow consumer costs. */
const WARM_UP_MS = 500;

export class SlowConsumer implements Workload {
  constructor(
    private readonly work: SlowConsumerWork,
    private readonly connection: Connection,
  ) {}

  async prepare(): Promise<void> {
    await this.#consume(WARM_UP_MS);
  }

  async round(): Promise<Measurement> {
    return { taken: await this.#consume(this.work.durationMs) };
  }

  /** @returns how many items were taken */
  async #consume(durationMs: number): Promise<number> {
    const endsAt = performance.now() + durationMs;
    let expected = 0;
    for await (const value of n2nClientOf(this.connection).stream<number>(GENERATED, this.work.items)) {
      if (value !== expected) throw new Error(`Item ${expected} is ${String(value)}`);
      expected++;
      if (performance.now() >= endsAt) break;
      await sleep(1);
    }
    return expected;
  }
}
