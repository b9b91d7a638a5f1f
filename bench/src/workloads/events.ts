import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { Payloads } from '../payload.js';
import type { Connection, EventChannel } from '../peers/peer.js';
import { Tally, type Tallied } from '../tally.js';
import type { Measurement, Workload } from './workload.js';

/** Events, as fast as the server takes them: it counts them, and the books of both sides are compared. */
export interface EventsWork {
  readonly kind: 'events';
  /** Of the payload, as JSON. */
  readonly bytes: number;
}

/** Sent in one turn of the event loop, and followed by the question how far the server is. */
const BURST = 256;
/** How many bursts may be unanswered: enough that the server is never without work, and memory stays small. */
const BURSTS_AHEAD = 4;
/** How long the last events may take after the round. */
const DRAIN_MS = 15_000;
const LOOK_AGAIN_MS = 1;

export class Events implements Workload {
  readonly #payloads: Payloads;
  readonly #events: EventChannel;
  readonly #sent = new Tally();

  constructor({ bytes }: EventsWork, { events }: Connection) {
    if (events === undefined) throw new Error('This work is for peers that have events.');
    this.#events = events;
    this.#payloads = new Payloads(bytes);
  }

  async round(durationMs: number): Promise<Measurement> {
    const before = this.#sent.events;
    const cpuBefore = process.cpuUsage();
    const startedAt = performance.now();
    const endsAt = startedAt + durationMs;
    const lanes = Array.from({ length: BURSTS_AHEAD }, async () => {
      do {
        for (let i = 0; i < BURST; i++) this.#emit();
        // oxlint-disable-next-line no-await-in-loop -- the next burst waits for it
        await this.#tally();
      } while (performance.now() < endsAt);
    });
    await Promise.all(lanes);
    await this.#drain();
    const elapsedMs = performance.now() - startedAt;
    const cpu = process.cpuUsage(cpuBefore);
    const events = this.#sent.events - before;
    return {
      eventRate: (events / elapsedMs) * 1_000,
      calls: events,
      clientCpuMicros: (cpu.user + cpu.system) / events,
    };
  }

  #emit(): void {
    const payload = this.#payloads.next();
    this.#sent.add(payload);
    this.#events.emit(payload);
  }

  /** Until the server has got all that was sent; fails if it has got anything else. */
  async #drain(): Promise<void> {
    const sent = this.#sent.read();
    const endsAt = performance.now() + DRAIN_MS;
    let got = await this.#tally();
    while (got.events < sent.events && performance.now() < endsAt) {
      // oxlint-disable-next-line no-await-in-loop -- asked again and again
      await sleep(LOOK_AGAIN_MS);
      // oxlint-disable-next-line no-await-in-loop -- likewise
      got = await this.#tally();
    }
    if (!isDeepStrictEqual(got, sent)) {
      throw new Error(`Events sent: ${JSON.stringify(sent)}; got: ${JSON.stringify(got)}`);
    }
  }

  #tally(): Promise<Tallied> {
    return new Promise((resolve, reject) => {
      this.#events.tally((error, answer) => {
        if (error === undefined) resolve(answer as Tallied);
        else reject(new Error('The server does not tell its tally', { cause: error }));
      });
    });
  }
}
