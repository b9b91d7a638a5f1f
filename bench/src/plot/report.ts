import type { Summary } from '../statistics.js';

/** What the plot reads of a report that `--json` has written. */
export interface Report {
  readonly startedAt: string;
  readonly machine: { readonly node: string; readonly cpu: string; readonly cores: number };
  readonly timing: { readonly rounds: number; readonly isQuick: boolean };
  readonly leftOut: readonly { readonly name: string; readonly reason: string }[];
  readonly scenarios: readonly ReportedScenario[];
}

export interface ReportedScenario {
  readonly name: string;
  readonly subject: string;
  readonly against: readonly string[];
  readonly metrics: readonly ReportedMetric[];
}

export interface ReportedMetric {
  readonly title: string;
  readonly digits: number;
  readonly peers: Readonly<Record<string, ReportedPeer>>;
}

interface ReportedPeer extends Summary {
  readonly timesBetterThan: Readonly<Record<string, Summary>>;
}

/** The form that `report/json.ts` writes. */
const FORMAT = 3;

/** @throws Error if the text is no such report */
export function readReport(text: string): Report {
  const report = JSON.parse(text) as { format?: unknown } | null;
  if (report?.format !== FORMAT)
    throw new Error(`This is no report of form ${FORMAT}: run the benchmark again.`);
  // What has the number has the form: nobody else writes it.
  return report as unknown as Report;
}
