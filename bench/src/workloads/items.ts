import type { ClientProxy } from '@nestjs/microservices';
import { OBSERVED } from '../peers/peer.js';
import { nestClientOf } from './nest-client.js';
import type { Bench, Measurement, Workload } from './work.js';

/** An Observable of numbers from a handler, one stream a round, however long that takes. */
export interface ItemsWork {
  readonly kind: 'items';
  /** How many, by the peer: a slow one gets fewer. */
  readonly items: Readonly<Record<string, number>>;
}

export class Items implements Workload {
  readonly #client: ClientProxy;
  readonly #items: number;

  constructor(work: ItemsWork, { connection, peer }: Bench) {
    this.#client = nestClientOf(connection);
    const items = work.items[peer];
    if (items === undefined) throw new Error(`It is not said how many items ${peer} gets.`);
    this.#items = items;
  }

  round(): Promise<Measurement> {
    return new Promise((resolve, reject) => {
      const items = this.#items;
      const startedAt = performance.now();
      let expected = 0;
      this.#client.send<number, number>(OBSERVED, items).subscribe({
        next: (value) => {
          if (value !== expected) reject(new Error(`Item ${expected} is ${String(value)}`));
          expected++;
        },
        error: (error: unknown) => reject(new Error('The stream failed', { cause: error })),
        complete: () => {
          if (expected !== items) reject(new Error(`${expected} items came, not ${items}`));
          resolve({ itemRate: (items / (performance.now() - startedAt)) * 1_000, items });
        },
      });
    });
  }
}
