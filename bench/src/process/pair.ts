import type { Measurement, Work } from '../workloads/work.js';
import { Child } from './child.js';

const START_MS = 30_000;
const CPU_MS = 5_000;

/** Beyond the duration of a round: what the last calls, and a busy machine, may take. */
const ROUND_GRACE_MS = 15_000;

/** One peer in one scenario: a server and a client, each in a process of its own, kept warm between rounds. */
export class Pair {
  readonly #server: Child;
  readonly #client: Child;

  constructor(readonly peer: string) {
    this.#server = new Child('server', peer);
    this.#client = new Child('client', peer);
  }

  async connect(work: Work): Promise<void> {
    const { peer } = this;
    const { address } = await this.#unlessDied(this.#server.ask('serve', { peer }, START_MS));
    await this.#unlessDied(this.#client.ask('connect', { peer, address, work }, START_MS));
  }

  async round(durationMs: number): Promise<Measurement> {
    const cpuBefore = await this.#serverCpu();
    const measured = await this.#unlessDied(
      this.#client.ask('round', { durationMs }, durationMs + ROUND_GRACE_MS),
    );
    const cpu = (await this.#serverCpu()) - cpuBefore;
    const { calls } = measured;
    return calls === undefined ? measured : { ...measured, serverCpuMicros: cpu / calls };
  }

  /** Never rejects. */
  async stop(): Promise<void> {
    // The client first: a server that closes under a client makes it reconnect.
    await this.#client.stop();
    await this.#server.stop();
  }

  #serverCpu(): Promise<number> {
    return this.#unlessDied(this.#server.ask('cpu', {}, CPU_MS));
  }

  #unlessDied<T>(told: Promise<T>): Promise<T> {
    return Promise.race([told, this.#server.died, this.#client.died]);
  }
}
