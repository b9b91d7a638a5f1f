import type { Metric, Scenario } from './scenarios/scenario.js';
import { ratioPerRound, summarize, type Summary } from './statistics.js';
import type { Measurement } from './workloads/workload.js';

interface PeerRounds {
  readonly peer: string;
  readonly rounds: readonly Measurement[];
}

export interface ScenarioRounds {
  readonly scenario: Scenario;
  readonly peers: readonly PeerRounds[];
}

export interface MetricResult {
  readonly metric: Metric;
  readonly peers: readonly PeerResult[];
}

export interface PeerResult {
  readonly peer: string;
  readonly summary: Summary;
  /** By the name of the other: how many times better this peer was, of the ratios of each round. */
  readonly ratios: ReadonlyMap<string, Summary>;
}

export function resultsOf({ scenario, peers }: ScenarioRounds): MetricResult[] {
  return scenario.metrics.map((metric) => {
    const series = new Map(
      peers.map(({ peer, rounds }) => [peer, rounds.map((round) => valueOf(round, metric))]),
    );
    return {
      metric,
      peers: [...series].map(([peer, values]) => ({
        peer,
        summary: summarize(values),
        ratios: new Map(
          [...series]
            .filter(([other]) => other !== peer)
            .map(([other, baseline]) => [other, summarize(ratioPerRound(values, baseline, metric.better))]),
        ),
      })),
    };
  });
}

function valueOf(round: Measurement, { key }: Metric): number {
  const value = round[key];
  if (value === undefined) throw new Error(`The round did not measure ${key}.`);
  return value;
}
