import type { Better } from './statistics.js';
import type { Work } from './workloads/work.js';

export interface Scenario {
  readonly name: string;
  readonly work: Work;
  /** What the table shows. Whatever else a round measures is in the JSON. */
  readonly metrics: readonly Metric[];
}

export interface Metric {
  /** Its name in a Measurement. */
  readonly key: string;
  readonly title: string;
  readonly better: Better;
  readonly digits: number;
}

const RATE: Metric = { key: 'rate', title: 'calls a second', better: 'higher', digits: 0 };
const LATENCY: Metric = {
  key: 'p50Micros',
  title: 'median latency, microseconds',
  better: 'lower',
  digits: 1,
};

export const SCENARIOS: readonly Scenario[] = [unary(1), unary(64), unary(512)];

function unary(inFlight: number): Scenario {
  // One call at a time is a question of latency; with more in flight, latency only mirrors the rate.
  const latency = inFlight === 1;
  return {
    name: `unary 100 B c=${inFlight}`,
    work: { kind: 'unary', bytes: 100, inFlight, latency },
    metrics: latency ? [RATE, LATENCY] : [RATE],
  };
}
