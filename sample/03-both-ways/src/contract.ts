/** What the hub and its workers say to each other. It is all that they share. */

/** From a worker to the hub: it is here, by this name, and takes work. */
export const WORKERS_JOIN = 'workers.join';

/** From the hub to a worker, over the connection that the worker dialed: how many primes a range has. */
export const PRIMES_COUNT = 'primes.count';

/** From the hub to all its workers: a broadcast event. */
export const JOB_DONE = 'job.done';

/** The whole numbers from `from` up to and without `to`. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

export interface JobDone {
  readonly below: number;
  readonly primes: number;
}
