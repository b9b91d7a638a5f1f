import type { LeftOut } from '../plan.js';
import type { MetricResult, PeerResult } from '../results.js';
import type { Scenario } from '../scenarios/scenario.js';

const NOTHING = '-';

/** The results of a scenario for the terminal: a table for each metric, and what they lack. */
export function tablesOf(
  scenario: Scenario,
  results: readonly MetricResult[],
  leftOut: readonly LeftOut[],
): string {
  const lacking = leftOut
    .filter(({ name }) => scenario.peers.some((peer) => peer === name))
    .map(({ name, reason }) => `  ${name} is left out: ${reason}\n`);
  return results.map((result) => tableOf(scenario, result)).join('\n') + lacking.join('');
}

function tableOf(scenario: Scenario, { metric, peers }: MetricResult): string {
  const number = new Intl.NumberFormat('en-US', {
    minimumFractionDigits: metric.digits,
    maximumFractionDigits: metric.digits,
  });
  const subject = peers.find(({ peer }) => peer === scenario.subject);
  const against = scenario.against.filter((other) => peers.some(({ peer }) => peer === other));
  const isCompared = subject !== undefined && peers.length > 1;
  const head = [
    '',
    'median',
    'min',
    'max',
    ...against.map((other) => `x ${other}`),
    ...(isCompared ? [`${scenario.subject} is x`] : []),
  ];
  const rows = peers.map((result) => [
    result.peer,
    number.format(result.summary.median),
    number.format(result.summary.min),
    number.format(result.summary.max),
    ...against.map((other) => ratio(result, other)),
    ...(isCompared ? [ratio(subject, result.peer)] : []),
  ]);
  return `${scenario.name}: ${metric.title} (${metric.better} is better)\n${align([head, ...rows])}\n`;
}

function ratio({ ratios }: PeerResult, other: string): string {
  return ratios.get(other)?.median.toFixed(2) ?? NOTHING;
}

/** Names to the left, figures to the right. */
function align(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>(
    (widest, row) => row.map((cell, i) => Math.max(cell.length, widest[i] ?? 0)),
    [],
  );
  return rows
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))),
    )
    .map((cells) => `  ${cells.join('   ')}`.trimEnd())
    .join('\n');
}
