import type { Work } from '../workloads/work.js';
import type { Measurement } from '../workloads/workload.js';
import { Child } from './child.js';
import type { ServerMemory } from './protocol.js';

const CPU_MS = 5_000;
const MEMORY_MS = 10_000;

/** How long the start may take: of a process, and of what some work does before its first round. */
const START_MS = 120_000;

/** Beyond the duration of a round: what the last calls, a busy machine, and work of a fixed size may take. */
const ROUND_GRACE_MS = 120_000;

const MIB = 1024 * 1024;

const ENTRIES_TOLD = 5;

/** One peer in one scenario: a server and a client, each in a process of its own, kept warm between rounds. */
export class Pair {
  readonly #server: Child;
  readonly #client: Child;
  #address: string | undefined;

  /** @param readsMemory whether a round tells of the server's memory, too */
  constructor(
    readonly peer: string,
    private readonly readsMemory = false,
  ) {
    const options = readsMemory ? ['--expose-gc'] : [];
    this.#server = new Child('server', peer, options);
    this.#client = new Child('client', peer, options);
  }

  /** May be called again, for other work: on connections of its own, to the same server. */
  async connect(work: Work): Promise<void> {
    const { peer } = this;
    const address = (this.#address ??= await this.#serve());
    await this.#unlessDied(this.#client.ask('connect', { peer, address, work }, START_MS));
  }

  async round(durationMs: number): Promise<Measurement> {
    const memoryBefore = this.readsMemory ? await this.#serverMemory() : undefined;
    const cpuBefore = await this.#serverCpu();
    const measured = await this.#unlessDied(
      this.#client.ask('round', { durationMs }, durationMs + ROUND_GRACE_MS),
    );
    const cpu = (await this.#serverCpu()) - cpuBefore;
    const { calls, clientCpuMicros, connections } = measured;
    return {
      ...measured,
      ...(calls === undefined || clientCpuMicros === undefined
        ? {}
        : { serverCpuMicros: cpu / calls, cpuMicros: clientCpuMicros + cpu / calls }),
      ...(memoryBefore === undefined
        ? {}
        : memoryMetrics(memoryBefore, await this.#serverMemory(), connections)),
    };
  }

  /** Never rejects. */
  async stop(): Promise<void> {
    // The client first: a server that closes under a client makes it reconnect.
    await this.#client.stop();
    await this.#server.stop();
  }

  async #serve(): Promise<string> {
    const { address, helpers } = await this.#unlessDied(
      this.#server.ask('serve', { peer: this.peer }, START_MS),
    );
    this.#server.adopt(helpers);
    return address;
  }

  #serverCpu(): Promise<number> {
    return this.#unlessDied(this.#server.ask('cpu', {}, CPU_MS));
  }

  #serverMemory(): Promise<ServerMemory> {
    return this.#unlessDied(this.#server.ask('memory', {}, MEMORY_MS));
  }

  #unlessDied<T>(told: Promise<T>): Promise<T> {
    return Promise.race([told, this.#server.died, this.#client.died]);
  }
}

/** @param connections that the round has opened, if it has */
function memoryMetrics(
  before: ServerMemory,
  after: ServerMemory,
  connections: number | undefined,
): Measurement {
  if (after.entries.length > 0) {
    const first = after.entries.slice(0, ENTRIES_TOLD).join(', ');
    throw new Error(`The server still keeps ${after.entries.length} collections with entries: ${first}`);
  }
  const metrics = {
    serverPeakRiseMib: (after.peakRss - before.rss) / MIB,
    serverHeapTimes: after.heap / before.heap,
  };
  if (connections === undefined) return metrics;
  return {
    ...metrics,
    serverRssKib: (after.rss - before.rss) / connections / 1024,
    serverHeapKib: (after.heap - before.heap) / connections / 1024,
  };
}
