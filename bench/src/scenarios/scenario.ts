import type { PeerName } from '../peers/index.js';
import type { Better } from '../statistics.js';
import type { Work } from '../workloads/work.js';

export interface Scenario {
  readonly name: string;
  readonly work: Work;
  /** Those that can do the work. */
  readonly peers: readonly PeerName[];
  /** Whose ratio to each of the others is shown. */
  readonly subject: PeerName;
  /** Those with whom each is compared. */
  readonly against: readonly PeerName[];
  /** What the table shows, what counts most first. Whatever else a round measures is in the JSON. */
  readonly metrics: readonly Metric[];
  readonly goals: readonly Goal[];
  /**
   * Whether memory is what counts: each round has new processes, the server's memory is read before and after it, and
   * there are few rounds.
   */
  readonly readsMemory?: boolean;
  /** Why the work cannot be done on this machine, if so: it is left out, and the run says it. */
  readonly missing?: () => string | undefined;
  /** What a quick run does differently. */
  readonly quick?: QuickScenario;
}

interface QuickScenario {
  /** Of a fixed size, and smaller. */
  readonly work?: Work;
  /**
   * The subject alone if it is not said: starting and ending processes is most of the time of a quick run, and every
   * peer need only be seen once.
   */
  readonly peers?: readonly PeerName[];
  /** Why it leaves the scenario out. */
  readonly leftOut?: string;
}

export interface Metric {
  /** Its name in a Measurement. */
  readonly key: string;
  readonly title: string;
  readonly better: Better;
  readonly digits: number;
}

/** What was set out to be reached: a number of times better than another peer, or a figure that is not exceeded. */
export type Goal = { readonly key: string; readonly peer: PeerName } & (
  { readonly than: PeerName; readonly times: number } | { readonly atMost: number }
);

export const RATE: Metric = { key: 'rate', title: 'calls a second', better: 'higher', digits: 0 };

/** On a busy machine it strays less than the rate does. A microsecond a call is a second a million calls. */
export const CPU: Metric = {
  key: 'cpuMicros',
  title: 'CPU seconds a million calls, both sides',
  better: 'lower',
  digits: 1,
};

export const KIB = 1024;
export const MIB = 1024 * KIB;
