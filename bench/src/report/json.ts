import { arch, cpus, loadavg, platform } from 'node:os';
import { PEERS } from '../peers/index.js';
import type { Options } from '../options.js';
import { goalsOf } from './goals.js';
import { workOf } from '../run-scenario.js';
import { resultsOf, type ScenarioRounds } from '../results.js';

/** The whole run as data: every round, so that anything else can be worked out later. */
export function jsonOf(startedAt: Date, { timing, peers }: Options, runs: readonly ScenarioRounds[]): string {
  const report = {
    format: 2,
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
    peers: PEERS.filter(({ name }) => peers.some((peer) => peer.name === name)).map(({ name, title }) => ({
      name,
      title,
    })),
    scenarios: runs.map((run) => ({
      name: run.scenario.name,
      work: workOf(run.scenario, timing),
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
