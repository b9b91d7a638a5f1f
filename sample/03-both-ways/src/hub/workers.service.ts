import { Injectable } from '@nestjs/common';
import type { ClientProxy } from '@nestjs/microservices';
import { N2NServer } from 'nestjs-n2n';
import { firstValueFrom } from 'rxjs';
import { JOB_DONE, PRIMES_COUNT, type Range } from '../contract.js';
import { Failure, textOf, Transcript } from '../../../shared/dist/index.js';
import { Job, type JobResult, type Worker } from './job.js';

/** The room of those who have joined, for broadcasts. Others may be connected, too: a browser that looks on. */
export const WORKERS = 'workers';

/** How long workers may take to dial in, in milliseconds. */
const PATIENCE = 10_000;

/** The workers that are connected, and the jobs that they share. */
@Injectable()
export class Workers {
  private readonly workers = new Set<Worker>();
  private readonly jobs = new Set<Job>();
  private onJoined: (() => void) | undefined;

  constructor(
    private readonly server: N2NServer,
    private readonly transcript: Transcript,
  ) {}

  get size(): number {
    return this.workers.size;
  }

  /**
   * @param peer calls the worker, over the connection that the worker dialed
   * @returns what is to be called when that connection has ended
   */
  join(name: string, peer: ClientProxy): () => void {
    const worker: Worker = {
      name,
      count: (range) => firstValueFrom(peer.send<number, Range>(PRIMES_COUNT, range)),
    };
    this.workers.add(worker);
    for (const job of this.jobs) job.add(worker);
    this.onJoined?.();
    return () => {
      this.workers.delete(worker);
      this.transcript.say(`${name} is gone; ${this.server.peers.size} connected`);
    };
  }

  /** @throws Failure when they do not come */
  async atLeast(count: number): Promise<void> {
    if (this.size >= count) return;
    this.transcript.say(`waits for ${count} workers`);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Failure(`Of ${count} workers, ${this.size} came within ${PATIENCE} ms.`)),
        PATIENCE,
      );
      this.onJoined = () => {
        if (this.size < count) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** @throws Failure when no worker is left */
  async countPrimes(below: number): Promise<JobResult> {
    if (this.size === 0) throw new Failure('No worker is connected.');
    const job = new Job(below, (worker, { from, to }, error) =>
      this.transcript.say(
        `${worker.name} did not finish ${from} to ${to}, which goes to another: ${textOf(error)}`,
      ),
    );
    this.jobs.add(job);
    for (const worker of this.workers) job.add(worker);
    try {
      const result = await job.result;
      this.server.broadcast(JOB_DONE, { below, primes: result.primes }, { room: WORKERS });
      return result;
    } finally {
      this.jobs.delete(job);
    }
  }
}
