import type { ClientProxy } from '@nestjs/microservices';
import type { N2NClient } from 'nestjs-n2n';
import { GENERATED, GENERATED_OBSERVABLE, OBSERVED } from '../peers/peer.js';
import { isN2NClient, nestClientOf } from './nest-client.js';
import type { Bench, Measurement, Workload } from './workload.js';

/** Numbers from a handler, one stream a round, however long that takes. */
export interface ItemsWork {
  readonly kind: 'items';
  /**
   * What the handler returns. A generator is read with `for await`, and waits for that loop, where the transport can;
   * where it takes Observables alone, it is wrapped in one, and runs as fast as it can.
   */
  readonly source: 'observable' | 'generator';
  /** How many, by the peer: a slow one gets fewer. */
  readonly items: Readonly<Record<string, number>>;
}

export class Items implements Workload {
  readonly #client: ClientProxy;
  readonly #items: number;

  constructor(
    private readonly work: ItemsWork,
    { connection, peer }: Bench,
  ) {
    this.#client = nestClientOf(connection);
    const items = work.items[peer];
    if (items === undefined) throw new Error(`It is not said how many items ${peer} gets.`);
    this.#items = items;
  }

  async round(): Promise<Measurement> {
    const startedAt = performance.now();
    const items = await this.#read();
    if (items !== this.#items) throw new Error(`${items} items came, not ${this.#items}`);
    return { itemRate: (items / (performance.now() - startedAt)) * 1_000, items };
  }

  /** @returns how many came */
  #read(): Promise<number> {
    if (this.work.source === 'observable') return this.#observe(OBSERVED);
    const client = this.#client;
    return isN2NClient(client) ? this.#iterate(client) : this.#observe(GENERATED_OBSERVABLE);
  }

  #observe(pattern: string): Promise<number> {
    return new Promise((resolve, reject) => {
      let expected = 0;
      this.#client.send<number, number>(pattern, this.#items).subscribe({
        next: (value) => {
          if (value !== expected) reject(wrongItem(expected, value));
          expected++;
        },
        error: (error: unknown) => reject(new Error('The stream failed', { cause: error })),
        complete: () => resolve(expected),
      });
    });
  }

  async #iterate(client: N2NClient): Promise<number> {
    let expected = 0;
    for await (const value of client.stream<number>(GENERATED, this.#items)) {
      if (value !== expected) throw wrongItem(expected, value);
      expected++;
    }
    return expected;
  }
}

function wrongItem(expected: number, value: unknown): Error {
  return new Error(`Item ${expected} is ${String(value)}`);
}
