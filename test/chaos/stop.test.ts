import { describe, expect, test } from 'vitest';
import { proveNothingIsLeft } from '../support/harness.js';
import type { Child } from './child.js';
import { Model } from './model.js';
import type { Shape } from './operation.js';
import { Scene, type ClientSession, type SceneTerms } from './scene.js';
import { budgetOf, timeoutOf } from './settings.js';

/** Both sides take each other for dead after as long, in milliseconds. */
const HEARTBEAT = 1_500;

/** Much less than that. */
const SHORTLY = 300;

const WATCHFUL: SceneTerms = {
  server: { heartbeatInterval: 300, heartbeatTimeout: HEARTBEAT },
  client: { heartbeatTimeout: HEARTBEAT, connectTimeout: HEARTBEAT },
};

/** With a window that is over soon after the heartbeat has told. */
const IMPATIENT: SceneTerms = {
  server: { ...WATCHFUL.server, resumeWindow: 200 },
  client: { ...WATCHFUL.client, resumeWindow: 200 },
};

const CALLS: readonly Shape[] = [
  ...Array.from({ length: 50 }, (): Shape => ({ kind: 'unary', size: 100, count: 0, hold: 5 })),
  ...(['down', 'up', 'both', 'observe'] as const).map(streamOf),
  { kind: 'reverse', size: 0, count: 0, hold: 0, inner: streamOf('down') },
];

/** What is sent again when its session was lost. */
const REPEATED: readonly Shape[] = (['event', 'idempotent'] as const).map((kind) => ({
  ...streamOf('up'),
  kind,
}));

const ENDLESS: Shape = { kind: 'endless', size: 0, count: 0, hold: 0 };

function streamOf(kind: Shape['kind']): Shape {
  return { kind, size: 1000, count: 300, hold: 2 };
}

/** One client of a scene, whose work is checked. */
class Act {
  private constructor(
    readonly scene: Scene,
    private readonly session: ClientSession,
    private readonly model: Model,
  ) {}

  static async begin(scene: Scene, within: boolean): Promise<Act> {
    const act = new Act(scene, await scene.session(), new Model(within));
    // Its connection is there before anything is stopped.
    await act.start([{ kind: 'unary', size: 0, count: 0, hold: 0 }]);
    await act.settle();
    return act;
  }

  async start(shapes: readonly Shape[]): Promise<void> {
    for (const operation of await this.session.start(shapes)) this.model.add(operation);
  }

  /** Waits for all that was started. @returns how much of it was lost, so far */
  async settle(): Promise<number> {
    expect(this.model.settle(await this.session.settle())).toEqual([]);
    return this.model.lost;
  }

  async end(): Promise<void> {
    await this.settle();
    expect(this.model.faultsOfRuns(await this.scene.runs())).toEqual([]);
    await this.session.close();
  }
}

/** Lets a process do nothing for a while: this is no wait of the test, but the fault that it is about. */
async function stopShortly(child: Child): Promise<void> {
  child.signal('SIGSTOP');
  await new Promise((resolve) => setTimeout(resolve, SHORTLY));
  child.signal('SIGCONT');
}

/** Once in the short form, and again and again in the long one. */
async function repeatedly(
  terms: SceneTerms,
  within: boolean,
  play: (act: Act) => Promise<void>,
): Promise<void> {
  const scene = await Scene.start(terms);
  const until = performance.now() + budgetOf('stops') / TESTS;
  do {
    // oxlint-disable no-await-in-loop -- one after the other
    const act = await Act.begin(scene, within);
    await play(act);
    await act.end();
    // oxlint-enable no-await-in-loop
  } while (performance.now() < until);
}

/** How many there are below. */
const TESTS = 6;

describe('a process that is stopped for less than the heartbeat’s time', () => {
  proveNothingIsLeft();

  test.each(['server', 'client'] as const)(
    'when it is the %s, nothing is lost, and the link stays',
    async (who) => {
      await repeatedly(WATCHFUL, true, async (act) => {
        const { scene } = act;
        const { links } = scene.proxy;
        await act.start([...CALLS, ...REPEATED]);
        await stopShortly(scene[who]);
        await act.settle();
        expect(scene.proxy.links).toBe(links);
      });
    },
    timeoutOf('stops'),
  );
});

describe('a process that is stopped for more than the heartbeat’s time, and less than the window', () => {
  proveNothingIsLeft();

  test.each([
    ['server', 'client'],
    ['client', 'server'],
  ] as const)(
    'when it is the %s, the %s leaves the link, and the session goes on over another',
    async (who, other) => {
      await repeatedly(WATCHFUL, true, async (act) => {
        const { scene } = act;
        const { links } = scene.proxy;
        const noticed = scene[other].told('disconnect');
        await act.start([...CALLS, ...REPEATED]);
        scene[who].signal('SIGSTOP');
        await noticed;
        scene[who].signal('SIGCONT');
        await act.settle();
        expect(scene.proxy.links).toBeGreaterThan(links);
      });
    },
    timeoutOf('stops'),
  );
});

describe('a process that is stopped for more than the window', () => {
  proveNothingIsLeft();

  test(
    'when it is the server, calls end with CONNECTION_LOST while it is stopped, and others wait for it',
    async () => {
      await repeatedly(IMPATIENT, false, async (act) => {
        const { scene } = act;
        const begun = scene.server.told('begun');
        await act.start([...CALLS, ENDLESS]);
        await begun;
        scene.server.signal('SIGSTOP');
        const lost = await act.settle();
        expect(lost).toBeGreaterThan(0);
        await act.start([...CALLS, ...REPEATED]);
        scene.server.signal('SIGCONT');
        // None of those was written to what is gone.
        expect(await act.settle()).toBe(lost);
      });
    },
    timeoutOf('stops'),
  );

  test(
    'when it is the client, its handlers are told, and its calls end with CONNECTION_LOST when it goes on',
    async () => {
      await repeatedly(IMPATIENT, false, async (act) => {
        const { scene } = act;
        const begun = scene.server.told('begun');
        const aborted = scene.server.told('aborted');
        await act.start([...CALLS, ...REPEATED, ENDLESS]);
        await begun;
        scene.client.signal('SIGSTOP');
        await aborted;
        scene.client.signal('SIGCONT');
        const lost = await act.settle();
        expect(lost).toBeGreaterThan(0);
        await act.start([...CALLS, ...REPEATED]);
        expect(await act.settle()).toBe(lost);
      });
    },
    timeoutOf('stops'),
  );
});
