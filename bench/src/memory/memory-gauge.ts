import { setTimeout as sleep } from 'node:timers/promises';

export interface Memory {
  /** Bytes of the process in main memory, after garbage collection. */
  readonly rss: number;
  /** Bytes of live objects and buffers, after garbage collection. */
  readonly heap: number;
  /** The most bytes in main memory since the last reading. */
  readonly peakRss: number;
}

const SAMPLE_MS = 5;
const SETTLE_MS = 50;

/** Reads the memory of this process, which must have been started with `--expose-gc`. */
export class MemoryGauge {
  #peakRss = 0;
  #isSampling = false;

  async read(): Promise<Memory> {
    const peakRss = Math.max(this.#peakRss, process.memoryUsage.rss());
    if (globalThis.gc === undefined) throw new Error('Memory is read in processes started with --expose-gc.');
    // What the first collection finalizes, buffers and sockets among it, the later ones can free.
    for (let i = 0; i < 3; i++) {
      globalThis.gc();
      // oxlint-disable-next-line no-await-in-loop -- one after the other is the point
      await sleep(SETTLE_MS);
    }
    const { rss, heapUsed, external } = process.memoryUsage();
    this.#peakRss = rss;
    this.#sample();
    return { rss, heap: heapUsed + external, peakRss };
  }

  #sample(): void {
    if (this.#isSampling) return;
    this.#isSampling = true;
    setInterval(() => {
      this.#peakRss = Math.max(this.#peakRss, process.memoryUsage.rss());
    }, SAMPLE_MS).unref();
  }
}
