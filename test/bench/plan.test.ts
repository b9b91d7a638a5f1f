import { describe, expect, it } from 'vitest';
import { PEERS } from '../../bench/src/peers/index.js';
import { planOf, quickened } from '../../bench/src/plan.js';
import { SCENARIOS } from '../../bench/src/scenarios/index.js';

/** On a machine that lacks nothing. */
const always = PEERS.map((peer) => ({ ...peer, missing: () => undefined }));

describe('The scenarios', () => {
  it('have names of their own', () => {
    expect(new Set(SCENARIOS.map(({ name }) => name)).size).toBe(SCENARIOS.length);
  });

  it.each(SCENARIOS)('$name: compares and sets goals for what it measures', (scenario) => {
    const peers: readonly string[] = scenario.peers;
    const keys = scenario.metrics.map(({ key }) => key);
    expect(peers).toContain(scenario.subject);
    for (const peer of scenario.against) expect(peers).toContain(peer);
    for (const goal of scenario.goals) {
      expect(keys).toContain(goal.key);
      expect(peers).toContain(goal.peer);
      if ('than' in goal) expect(peers).toContain(goal.than);
    }
  });
});

describe('A plan', () => {
  it('leaves out what cannot run, and scenarios of which nothing is left, and says why', () => {
    const [first, ...others] = always;
    if (first === undefined) throw new Error('There are no peers.');
    const plan = planOf(SCENARIOS, [{ ...first, missing: () => 'it is not installed' }]);
    expect(others.length).toBeGreaterThan(0);
    expect(plan.scenarios).toEqual([]);
    expect(plan.leftOut).toContainEqual({ name: first.name, reason: 'it is not installed' });
  });
});

describe('A quick run', () => {
  const plan = planOf(
    SCENARIOS.map((scenario) => quickened(scenario, false)),
    always,
  );

  it('has every scenario but those that it says it leaves out', () => {
    const names = [...plan.scenarios, ...plan.leftOut].map(({ name }) => name);
    expect(names.toSorted()).toEqual(SCENARIOS.map(({ name }) => name).toSorted());
    expect(plan.leftOut.map(({ name }) => name)).toEqual(['10000 idle connections']);
  });

  it('has every peer at least once', () => {
    const seen = new Set(plan.scenarios.flatMap(({ peers }) => peers));
    expect(PEERS.filter(({ name }) => !seen.has(name))).toEqual([]);
  });

  it('has the peers that the user names', () => {
    const scenario = SCENARIOS.find(({ name }) => name === 'unary 100 B c=1');
    if (scenario === undefined) throw new Error('There is no such scenario.');
    expect(quickened(scenario, false).peers).toEqual(['n2n']);
    expect(quickened(scenario, true).peers).toEqual(scenario.peers);
  });
});
