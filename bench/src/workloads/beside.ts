import { Payloads } from '../payload.js';
import type { Connection } from '../peers/peer.js';
import { quantile } from '../statistics.js';
import type { Measurement, Workload } from './workload.js';

/** Small calls one after the other, first alone, then beside the echo of a large payload on the same connection. */
export interface BesideWork {
  readonly kind: 'beside';
  /** Of the small payload, as JSON. */
  readonly bytes: number;
  /** Of the large one, a Buffer. */
  readonly largeBytes: number;
}

const MICROS_A_MS = 1_000;

/** However short the round: fewer have no 99th percentile. */
const LEAST_CALLS = 20;

export class Beside implements Workload {
  readonly #payloads: Payloads;
  readonly #large: Buffer;

  constructor(
    work: BesideWork,
    private readonly connection: Connection,
  ) {
    this.#payloads = new Payloads(work.bytes);
    this.#large = Buffer.alloc(work.largeBytes, 'large ');
  }

  /** Half of the time is quiet; in the other half, one large payload follows the other. */
  async round(durationMs: number): Promise<Measurement> {
    const quiet: number[] = [];
    const busy: number[] = [];
    await this.#callUntil(performance.now() + durationMs / 2, quiet);
    const endsAt = performance.now() + durationMs / 2;
    let large = 0;
    do {
      let isUnderWay = true;
      const echo = this.#echo(this.#large).then((answer) => {
        isUnderWay = false;
        if (!Buffer.isBuffer(answer) || !answer.equals(this.#large)) throw new Error('A large echo is wrong');
      });
      // oxlint-disable-next-line no-await-in-loop, no-unmodified-loop-condition -- one after the other
      while (isUnderWay) busy.push(await this.#time());
      // The last call of each ended after the large payload: it measured the check of that.
      busy.pop();
      // oxlint-disable-next-line no-await-in-loop -- likewise
      await echo;
      large++;
    } while (performance.now() < endsAt || busy.length < LEAST_CALLS);
    const ascending = busy.toSorted((a, b) => a - b);
    const quietP99 = quantile(
      quiet.toSorted((a, b) => a - b),
      0.99,
    );
    const busyP99 = quantile(ascending, 0.99);
    return {
      quietP99Micros: quietP99 * MICROS_A_MS,
      busyP99Micros: busyP99 * MICROS_A_MS,
      busyP50Micros: quantile(ascending, 0.5) * MICROS_A_MS,
      p99Times: busyP99 / quietP99,
      smallCalls: busy.length,
      largePayloads: large,
    };
  }

  async #callUntil(endsAt: number, latencies: number[]): Promise<void> {
    // oxlint-disable-next-line no-await-in-loop -- one after the other is the point
    while (performance.now() < endsAt) latencies.push(await this.#time());
  }

  /** @returns the milliseconds that a small call took */
  async #time(): Promise<number> {
    const payload = this.#payloads.next();
    const startedAt = performance.now();
    const answer = await this.#echo(payload);
    const took = performance.now() - startedAt;
    if (!this.#payloads.isEcho(answer, payload.seq)) throw new Error(`Wrong answer to call ${payload.seq}`);
    return took;
  }

  #echo(payload: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.connection.call(payload, (error, answer) => {
        if (error === undefined) resolve(answer);
        else reject(new Error('A call failed', { cause: error }));
      });
    });
  }
}
