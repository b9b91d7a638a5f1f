import type { Range } from '../contract.js';
import { Failure } from '../../../shared/dist/index.js';
import { Pieces } from './pieces.js';

/** Counts the primes of a range, somewhere. */
export interface Worker {
  readonly name: string;
  count(range: Range): Promise<number>;
}

export interface JobResult {
  readonly primes: number;
  readonly pieces: number;
  /** How many pieces each worker did. */
  readonly shares: ReadonlyMap<string, number>;
}

/** One count of primes, by all the workers there are while it lasts. */
export class Job {
  readonly result: Promise<JobResult>;
  private readonly pieces: Pieces;
  private readonly shares = new Map<string, number>();
  private readonly atWork = new Set<Worker>();
  private readonly idle = new Set<Worker>();
  private primes = 0;
  private done = 0;
  private settle: { resolve: (result: JobResult) => void; reject: (error: unknown) => void } | undefined;

  /** @param onLost told of an error that took a worker away from a piece, which goes to another */
  constructor(
    below: number,
    private readonly onLost: (worker: Worker, piece: Range, error: unknown) => void,
  ) {
    this.pieces = new Pieces(below);
    this.result = new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
    });
    this.endIfDone();
  }

  /** From now on, a worker takes one piece after the other. */
  add(worker: Worker): void {
    this.idle.add(worker);
    void this.employ(worker);
  }

  private async employ(worker: Worker): Promise<void> {
    for (let piece = this.pieces.take(); piece !== undefined; piece = this.pieces.take()) {
      this.idle.delete(worker);
      this.atWork.add(worker);
      try {
        // oxlint-disable-next-line no-await-in-loop -- a worker has one piece at a time
        const primes = await worker.count(piece);
        // Not `+= await`, which reads the sum before the others have added to it.
        this.primes += primes;
      } catch (error) {
        this.lose(worker, piece, error);
        return;
      }
      this.done += 1;
      this.shares.set(worker.name, (this.shares.get(worker.name) ?? 0) + 1);
    }
    this.atWork.delete(worker);
    this.idle.add(worker);
    this.endIfDone();
  }

  private lose(worker: Worker, piece: Range, error: unknown): void {
    this.atWork.delete(worker);
    this.pieces.putBack(piece);
    this.onLost(worker, piece, error);
    const [another] = this.idle;
    if (another !== undefined) void this.employ(another);
    else if (this.atWork.size === 0) {
      this.settle?.reject(
        new Failure(`Every worker went away: ${this.done} of ${this.pieces.total} pieces were done.`),
      );
    }
  }

  private endIfDone(): void {
    if (this.done < this.pieces.total) return;
    this.settle?.resolve({ primes: this.primes, pieces: this.done, shares: this.shares });
  }
}
