import type { Connection } from '../peers/peer.js';
import { Unary, type UnaryWork } from './unary.js';

/** What a client is told to do in a round. A new kind of work is a member here, a class beside this and a case below. */
export type Work = UnaryWork;

/** What a round measured, by the name of the metric. */
export type Measurement = Record<string, number>;

/** Work on one connection, kept from round to round. */
export interface Workload {
  /** Works for `durationMs`, then waits for what is in flight. Fails on the first wrong answer. */
  round(durationMs: number): Promise<Measurement>;
}

export function makeWorkload(work: Work, connection: Connection): Workload {
  switch (work.kind) {
    case 'unary':
      return new Unary(work, connection);
    default:
      throw new Error(`There is no workload for ${JSON.stringify(work)}.`);
  }
}
