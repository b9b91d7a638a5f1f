import type { MetricResult } from '../results.js';
import type { Goal, Scenario } from '../scenarios/scenario.js';
import type { Summary } from '../statistics.js';

interface GoalResult {
  readonly goal: Goal;
  /** Of the ratios of each round, or of the figures. */
  readonly reached: Summary;
  /** Whether the median is as good as was set out. */
  readonly isMet: boolean;
}

/** The goals of a scenario whose peers have all run. */
export function goalsOf({ goals }: Scenario, results: readonly MetricResult[]): GoalResult[] {
  return goals.flatMap((goal) => {
    const peer = results
      .find(({ metric }) => metric.key === goal.key)
      ?.peers.find((result) => result.peer === goal.peer);
    const reached = 'than' in goal ? peer?.ratios.get(goal.than) : peer?.summary;
    if (reached === undefined) return [];
    const isMet = 'than' in goal ? reached.median >= goal.times : reached.median <= goal.atMost;
    return [{ goal, reached, isMet }];
  });
}

/** A line for each goal. */
export function goalLinesOf(scenario: Scenario, results: readonly MetricResult[]): string {
  return goalsOf(scenario, results)
    .map(({ goal, reached, isMet }) => {
      const title = scenario.metrics.find(({ key }) => key === goal.key)?.title ?? goal.key;
      const bound =
        'than' in goal
          ? `at least ${Number(goal.times.toFixed(2))} x ${goal.than}`
          : `at most ${goal.atMost}`;
      const spread = [reached.min, reached.max].map(figure).join(' to ');
      return `  ${isMet ? 'goal met' : 'GOAL MISSED'}: ${goal.peer}, ${title}, ${bound}: ${figure(reached.median)} (${spread})\n`;
    })
    .join('');
}

function figure(value: number): string {
  return value.toFixed(2);
}
