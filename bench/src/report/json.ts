import { arch, cpus, loadavg, platform } from 'node:os';
import type { Timing } from '../options.js';
import type { Plan } from '../plan.js';
import { goalsOf } from './goals.js';
import { resultsOf, type ScenarioRounds } from '../results.js';

/** The whole run as data: every round, so that anything else can be worked out later. */
export function jsonOf(
  startedAt: Date,
  timing: Timing,
  { peers, leftOut }: Plan,
  runs: readonly ScenarioRounds[],
): string {
  const report = {
    format: 3,
    startedAt: startedAt.toISOString(),
    machine: {
      node: process.version,
      platform: platform(),
      arch: arch(),
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      cores: cpus().length,
      loadAverage: loadavg(),
    },
    timing,
    peers: peers.map(({ name, title }) => ({ name, title })),
    leftOut,
    scenarios: runs.map((run) => ({
      name: run.scenario.name,
      work: run.scenario.work,
      subject: run.scenario.subject,
      against: run.scenario.against,
      rounds: Object.fromEntries(run.peers.map(({ peer, rounds }) => [peer, rounds])),
      goals: goalsOf(run.scenario, resultsOf(run)),
      metrics: resultsOf(run).map(({ metric, peers: results }) => ({
        ...metric,
        peers: Object.fromEntries(
          results.map(({ peer, summary, ratios }) => [
            peer,
            { ...summary, timesBetterThan: Object.fromEntries(ratios) },
          ]),
        ),
      })),
    })),
  };
  return `${JSON.stringify(report, null, 2)}\n`;
}
