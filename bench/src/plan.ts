import type { PeerEntry } from './peers/index.js';
import type { Scenario } from './scenarios/scenario.js';

/** What a run does, and what it does not do, and why. */
export interface Plan {
  readonly scenarios: readonly Scenario[];
  readonly peers: readonly PeerEntry[];
  readonly leftOut: readonly LeftOut[];
}

export interface LeftOut {
  /** A scenario or a peer. */
  readonly name: string;
  readonly reason: string;
}

/** Of the peers that were chosen, those that the scenario has. */
export function peersOf(scenario: Scenario, chosen: readonly PeerEntry[]): readonly PeerEntry[] {
  return chosen.filter(({ name }) => scenario.peers.includes(name));
}

/** The scenario as a quick run does it. */
export function quickened(scenario: Scenario, hasChosenPeers: boolean): Scenario {
  const { quick = {} } = scenario;
  return {
    ...scenario,
    work: quick.work ?? scenario.work,
    // Whoever names peers wants to see them.
    peers: hasChosenPeers ? scenario.peers : (quick.peers ?? [scenario.subject]),
    missing: () => quick.leftOut ?? scenario.missing?.(),
  };
}

/** Leaves out what cannot run on this machine. */
export function planOf(scenarios: readonly Scenario[], peers: readonly PeerEntry[]): Plan {
  const leftOut = [...scenarios, ...peers].flatMap(({ name, missing }) => {
    const reason = missing?.();
    return reason === undefined ? [] : [{ name, reason }];
  });
  const isThere = ({ name }: { readonly name: string }): boolean => !leftOut.some((out) => out.name === name);
  const present = peers.filter(isThere);
  return {
    scenarios: scenarios.filter((scenario) => isThere(scenario) && peersOf(scenario, present).length > 0),
    peers: present,
    leftOut,
  };
}
