import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { proveNothingIsLeft } from '../support/harness.js';
import { Model, cutScripts, outageScripts, type Scripts } from './model.js';
import { randomCuts, Scene } from './scene.js';
import { budgetOf, SEED, timeoutOf } from './settings.js';

/** How many connections that were there are to be lost, at the least. */
const LEAST_LOSSES = 200;

/** How many operations there are to be, at the least. */
const LEAST_CALLS = 2000;

/** Scripts that are generated together: the first ones of a seed are short, to be easy to read when they fail. */
const SCRIPTS_A_ROUND = 4;

interface Played {
  /** How many operations there were. */
  readonly calls: number;
  /** How many of them were lost, and said so. */
  readonly lost: number;
}

/** Plays generated scripts, each with a client of its own, as long as told. The server remains. */
async function play(
  scene: Scene,
  scripts: Scripts,
  { within, goesOn }: { within: boolean; goesOn: (played: Played) => Promise<boolean> },
): Promise<Played> {
  const played = { calls: 0, lost: 0 };
  const models: Model[] = [];
  const property = fc.asyncProperty(scripts, async (script) => {
    const model = new Model(within);
    models.push(model);
    const session = await scene.session();
    await fc.asyncModelRun(() => ({ model, real: { proxy: scene.proxy, session } }), script);
    expect(model.settle(await session.settle())).toEqual([]);
    await session.close();
    expect(model.faultsOfRuns(await scene.runs())).toEqual([]);
    played.calls += model.calls;
    played.lost += model.lost;
  });
  // oxlint-disable no-await-in-loop -- one script after the other
  for (let round = 0; await goesOn(played); round += 1) {
    // A script that has failed once need not fail again, for time is not in it: there is no shorter one to be found.
    await fc.assert(property, { seed: SEED + round, numRuns: SCRIPTS_A_ROUND, endOnFailure: true });
  }
  // oxlint-enable no-await-in-loop
  // What came after a script's end is none of its business, and must not be there.
  const runs = await scene.runs();
  expect(models.flatMap((model) => model.faultsOfRuns(runs))).toEqual([]);
  expect(runs.server.size + runs.client.size).toBeLessThanOrEqual(played.calls);
  return played;
}

describe('calls both ways, streams both ways and acknowledged events, over links that are cut at random bytes', () => {
  proveNothingIsLeft();

  test(
    'within the window: each succeeds, and each handler runs once',
    async () => {
      const scene = await Scene.start();
      scene.proxy.plan(randomCuts);
      const until = performance.now() + budgetOf('cuts');
      const goesOn = async ({ calls }: Played): Promise<boolean> =>
        performance.now() < until || calls < LEAST_CALLS || (await scene.losses()) < LEAST_LOSSES;
      await play(scene, cutScripts, { within: true, goesOn });
    },
    timeoutOf('cuts'),
  );

  test(
    'beyond the window: what is lost says so, and nothing runs twice that may not',
    async () => {
      const resumeWindow = 150;
      const scene = await Scene.start({ server: { resumeWindow }, client: { resumeWindow } });
      scene.proxy.plan(randomCuts);
      const until = performance.now() + budgetOf('losses');
      // Some are over before the window is, some are not, and some end just with it.
      const { lost } = await play(scene, outageScripts(50, 400), {
        within: false,
        goesOn: async ({ lost }) => performance.now() < until || lost === 0,
      });
      expect(lost).toBeGreaterThan(0);
    },
    timeoutOf('losses'),
  );
});
