import { inspect } from 'node:util';
import type { Connection, Done } from '../peers/peer.js';
import { BinaryPayloads } from '../binary-payload.js';
import { Payloads, type PayloadSource } from '../payload.js';
import { quantile } from '../statistics.js';
import type { Bench, Measurement, Workload } from './workload.js';

/** Echo calls, with a number of them always in flight. */
export interface UnaryWork {
  readonly kind: 'unary';
  /** An object in JSON, or a Buffer. */
  readonly payload: 'json' | 'binary';
  /** Of the payload, as JSON or as a Buffer. */
  readonly bytes: number;
  readonly inFlight: number;
  /** How many connections share the calls, one if it is not said; a multiple of it is in flight. */
  readonly clients?: number;
  /** Whether to time each call. Two looks at the clock a call: for few calls in flight, where they do not weigh. */
  readonly latency: boolean;
}

/** How long the last calls of a round may take before they count as lost. */
const DRAIN_MS = 15_000;

/** Latencies kept of a round, the latest ones: enough for ten seconds at 100 000 a second. */
const LATENCIES = 1 << 20;

const MICROS_A_MS = 1_000;

export class Unary implements Workload {
  readonly #payloads: PayloadSource;
  readonly #latencies: Float64Array;
  readonly #connections: Connection[];

  constructor(
    private readonly work: UnaryWork,
    private readonly bench: Bench,
  ) {
    this.#connections = [bench.connection];
    const { payload, bytes, inFlight } = work;
    this.#payloads = payload === 'json' ? new Payloads(bytes) : new BinaryPayloads(bytes, inFlight);
    this.#latencies = new Float64Array(work.latency ? LATENCIES : 0);
  }

  async prepare(): Promise<void> {
    const { clients = 1 } = this.work;
    // oxlint-disable-next-line no-await-in-loop -- as many at once as there are would be another work
    while (this.#connections.length < clients) this.#connections.push(await this.bench.connect());
  }

  round(durationMs: number): Promise<Measurement> {
    return new Promise((resolve, reject) => {
      new UnaryRound(this.work, this.#connections, this.#payloads, this.#latencies, resolve, reject).start(
        durationMs,
      );
    });
  }
}

/** One place of those in flight: it makes a call, checks the answer, makes the next. */
interface Slot {
  /** Number of the payload that is under way, or NONE. An answer when there is none is a fault too. */
  seq: number;
  startedAt: number;
  readonly connection: Connection;
  readonly done: Done;
}

const NONE = -1;

/**
 * start -> running, until the timer -> draining, until nothing is in flight -> over
 *
 * From running or draining, the first fault leads to over.
 */
class UnaryRound {
  #state: 'running' | 'draining' | 'over' = 'running';
  #inFlight = 0;
  #completed = 0;
  #counted = 0;
  #elapsedMs = 0;
  #isOvertime = false;
  #startedAt = 0;
  #cpuBefore = process.cpuUsage();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly work: UnaryWork,
    private readonly connections: readonly Connection[],
    private readonly payloads: PayloadSource,
    private readonly latencies: Float64Array,
    private readonly resolve: (measurement: Measurement) => void,
    private readonly reject: (reason: Error) => void,
  ) {}

  start(durationMs: number): void {
    // A timer ends the round, so that no call has to look at the clock for it.
    this.#timer = setTimeout(() => this.#drain(), durationMs);
    this.#startedAt = performance.now();
    const each = this.work.inFlight / this.connections.length;
    const slots = this.connections.flatMap((connection) =>
      Array.from({ length: each }, () => this.#makeSlot(connection)),
    );
    for (const slot of slots) this.#next(slot);
  }

  #makeSlot(connection: Connection): Slot {
    const slot: Slot = {
      seq: NONE,
      startedAt: 0,
      connection,
      // One callback a slot for the whole round: a closure a call would be the harness's cost.
      done: (error, answer) => this.#answered(slot, error, answer),
    };
    return slot;
  }

  #next(slot: Slot): void {
    const payload = this.payloads.next();
    slot.seq = this.payloads.seq;
    this.#inFlight++;
    if (this.work.latency) slot.startedAt = performance.now();
    slot.connection.call(payload, slot.done);
  }

  #answered(slot: Slot, error: unknown, answer: unknown): void {
    const { seq } = slot;
    slot.seq = NONE;
    if (error !== undefined) return this.#fail(new Error('A call failed', { cause: error }));
    if (seq === NONE) return this.#fail(new Error('A call was answered twice'));
    if (!this.payloads.isEcho(answer, seq)) {
      return this.#fail(new Error(`Wrong answer to call ${seq}: ${inspect(answer).slice(0, 300)}`));
    }
    if (this.work.latency) {
      this.latencies[this.#completed % LATENCIES] = performance.now() - slot.startedAt;
    }
    this.#completed++;
    this.#inFlight--;
    if (this.#isOvertime && this.#state === 'running') this.#drain();
    else if (this.#state === 'running') this.#next(slot);
    else if (this.#state === 'draining' && this.#inFlight === 0) this.#finish();
  }

  #drain(): void {
    if (this.#completed === 0 && !this.#isOvertime) {
      // A call may take longer than a short round: the first answer ends it then.
      this.#isOvertime = true;
      this.#timer = setTimeout(
        () => this.#fail(new Error(`No call was answered within ${DRAIN_MS} ms`)),
        DRAIN_MS,
      );
      return;
    }
    clearTimeout(this.#timer);
    this.#elapsedMs = performance.now() - this.#startedAt;
    this.#counted = this.#completed;
    this.#state = 'draining';
    this.#timer = setTimeout(() => {
      this.#fail(new Error(`${this.#inFlight} calls were not answered within ${DRAIN_MS} ms`));
    }, DRAIN_MS);
    if (this.#inFlight === 0) this.#finish();
  }

  #finish(): void {
    this.#end();
    const cpu = process.cpuUsage(this.#cpuBefore);
    this.resolve({
      rate: (this.#counted / this.#elapsedMs) * 1_000,
      calls: this.#completed,
      clientCpuMicros: (cpu.user + cpu.system) / this.#completed,
      ...this.#latencySummary(),
    });
  }

  #latencySummary(): Measurement {
    if (!this.work.latency) return {};
    const ascending = this.latencies.subarray(0, Math.min(this.#completed, LATENCIES)).toSorted();
    return {
      p50Micros: quantile(ascending, 0.5) * MICROS_A_MS,
      p99Micros: quantile(ascending, 0.99) * MICROS_A_MS,
    };
  }

  #fail(error: Error): void {
    // Nobody waits for this round any more: the error must not be lost, so it ends the process, and that the run.
    if (this.#state === 'over') throw error;
    this.#end();
    this.reject(error);
  }

  #end(): void {
    this.#state = 'over';
    clearTimeout(this.#timer);
  }
}
