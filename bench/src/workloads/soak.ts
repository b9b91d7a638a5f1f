import { setTimeout as sleep } from 'node:timers/promises';
import { N2NRecordBuilder, type N2NClient } from 'nestjs-n2n';
import { MemoryGauge } from '../memory/memory-gauge.js';
import { Payloads } from '../payload.js';
import { ECHO, NEVER_ANSWERED, type Connection } from '../peers/peer.js';
import { n2nClientOf } from './nest-client.js';
import type { Measurement, Workload } from './workload.js';

/** Very many calls, of which one in ten is cancelled and one in ten times out: afterwards nothing may be left of them. */
export interface SoakWork {
  readonly kind: 'soak';
  /** Before memory is first read. */
  readonly firstCalls: number;
  readonly furtherCalls: number;
  readonly inFlight: number;
}

const BYTES = 100;
/** Of calls to a handler that never answers. */
const SHORT_TIMEOUT_MS = 5;
/** Of all others, which are answered: so that its deadlines, too, are gone when the books are looked at. */
const TIMEOUT_MS = 2_000;
const SETTLE_MS = TIMEOUT_MS + 500;

type Outcome = 'answered' | 'cancelled' | 'timed-out';

export class Soak implements Workload {
  readonly #client: N2NClient;
  readonly #payloads = new Payloads(BYTES);
  readonly #gauge = new MemoryGauge();
  #heapBefore = 0;

  constructor(
    private readonly work: SoakWork,
    private readonly connection: Connection,
  ) {
    this.#client = n2nClientOf(connection);
  }

  async prepare(): Promise<void> {
    await this.#make(this.work.firstCalls);
    await sleep(SETTLE_MS);
    this.#heapBefore = (await this.#gauge.read()).heap;
  }

  async round(): Promise<Measurement> {
    const startedAt = performance.now();
    await this.#make(this.work.furtherCalls);
    const mixRate = (this.work.furtherCalls / (performance.now() - startedAt)) * 1_000;
    await sleep(SETTLE_MS);
    const { heap } = await this.#gauge.read();
    const entries = this.connection.entries?.() ?? [];
    if (entries.length > 0) throw new Error(`The client still keeps ${entries.join(', ')}`);
    return { mixRate, clientHeapTimes: heap / this.#heapBefore };
  }

  async #make(calls: number): Promise<void> {
    let left = calls;
    const workers = Array.from({ length: this.work.inFlight }, async () => {
      while (left > 0) {
        const number = left--;
        // oxlint-disable-next-line no-await-in-loop -- each worker makes one call after the other
        await this.#call(
          number % 10 === 1 ? 'cancelled' : number % 10 === 2 ? 'timed-out' : 'answered',
          number,
        );
      }
    });
    await Promise.all(workers);
  }

  #call(expected: Outcome, number: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const payload = this.#payloads.next();
      const timeout = expected === 'timed-out' ? SHORT_TIMEOUT_MS : TIMEOUT_MS;
      const record = new N2NRecordBuilder(payload).setTimeout(timeout).build();
      const fail = (what: string, cause?: unknown): void =>
        reject(new Error(`Call ${number} should have been ${expected}: ${what}`, { cause }));
      const subscription = this.#client
        .send<unknown>(expected === 'answered' ? ECHO : NEVER_ANSWERED, record)
        .subscribe({
          next: (answer) => {
            if (expected !== 'answered') fail('it was answered');
            else if (!this.#payloads.isEcho(answer, payload.seq)) fail('the answer is wrong');
          },
          error: (error: unknown) => {
            if (expected === 'timed-out' && (error as { code?: unknown }).code === 'TIMEOUT') resolve();
            else fail('it failed', error);
          },
          complete: resolve,
        });
      if (expected !== 'cancelled') return;
      // Some before they are written, some when they are under way.
      const cancel = (): void => {
        subscription.unsubscribe();
        resolve();
      };
      if (number % 20 === 1) cancel();
      else setImmediate(() => setImmediate(cancel));
    });
  }
}
