import type { Summary } from '../statistics.js';
import type { Report, ReportedMetric, ReportedScenario } from './report.js';

/** A scenario as it is drawn. */
export interface Group {
  readonly name: string;
  readonly metric: string;
  /** To whom the bars are ratios; undefined where nobody is there to compare with, and figures are shown. */
  readonly baseline: { readonly peer: string; readonly median: string } | undefined;
  readonly rows: readonly Row[];
}

export interface Row {
  readonly peer: string;
  readonly isSubject: boolean;
  /** How many times better than the baseline, or the figure itself. */
  readonly value: Summary;
  readonly digits: number;
}

/** Whom everything is compared with, where it takes part. */
const FIRST_BASELINE = 'nest-tcp';

/** Of each scenario what counts most, in the order in which they ran. */
export function groupsOf({ scenarios }: Report): Group[] {
  return scenarios.flatMap((scenario) =>
    scenario.metrics.slice(0, 1).map((metric) => groupOf(scenario, metric)),
  );
}

function groupOf(scenario: ReportedScenario, metric: ReportedMetric): Group {
  const { peers, digits } = metric;
  const other = [FIRST_BASELINE, ...scenario.against].find((name) => peers[name] !== undefined);
  const baseline = other === undefined ? undefined : peers[other];
  const row = (peer: string, value: Summary): Row => ({
    peer,
    isSubject: peer === scenario.subject,
    value,
    digits,
  });
  return {
    name: scenario.name,
    metric: metric.title,
    baseline:
      other === undefined || baseline === undefined
        ? undefined
        : { peer: other, median: figure(baseline.median, digits) },
    rows: Object.entries(peers).flatMap(([peer, summary]) => {
      if (other === undefined) return [row(peer, summary)];
      const ratio = summary.timesBetterThan[other];
      return ratio === undefined ? [] : [row(peer, ratio)];
    }),
  };
}

export function figure(value: number, digits: number): string {
  return new Intl.NumberFormat('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(value);
}
