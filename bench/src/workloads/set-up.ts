import { echo } from './echo.js';
import type { Bench, Measurement, Workload } from './workload.js';

/** Connections that are made, used for one call, and closed: how many a second. */
export interface SetUpWork {
  readonly kind: 'set-up';
  /** How many are being made at once. */
  readonly atOnce: number;
}

export class SetUp implements Workload {
  constructor(
    private readonly work: SetUpWork,
    private readonly bench: Bench,
  ) {}

  async round(durationMs: number): Promise<Measurement> {
    const startedAt = performance.now();
    const endsAt = startedAt + durationMs;
    let connections = 0;
    const workers = Array.from({ length: this.work.atOnce }, async () => {
      do {
        // oxlint-disable-next-line no-await-in-loop -- each worker makes one connection after the other
        const connection = await this.bench.connect();
        // oxlint-disable-next-line no-await-in-loop -- likewise
        await echo(connection, 'set-up');
        // oxlint-disable-next-line no-await-in-loop -- likewise
        await this.bench.disconnect(connection);
        connections++;
      } while (performance.now() < endsAt);
    });
    await Promise.all(workers);
    return { setUpRate: (connections / (performance.now() - startedAt)) * 1_000 };
  }
}
