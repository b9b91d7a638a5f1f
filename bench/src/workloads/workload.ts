import type { Connection } from '../peers/peer.js';

/** What a round measured, by the name of the metric. */
export type Measurement = Record<string, number>;

/** Work on one connection, kept from round to round. */
export interface Workload {
  /** What comes before the first round, and before memory is first read. */
  prepare?(): Promise<void>;
  /** Works for `durationMs`, then waits for what is in flight. Fails on the first wrong answer. */
  round(durationMs: number): Promise<Measurement>;
}

/** What a workload works with. */
export interface Bench {
  readonly peer: string;
  readonly connection: Connection;
  /** Makes another connection to the same server. */
  connect(): Promise<Connection>;
  /** Ends one that `connect` made; all others are closed at the end. */
  disconnect(connection: Connection): Promise<void>;
}
