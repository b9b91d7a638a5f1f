import type { N2NClientOptions, N2NServerOptions } from '../../src/index.js';
import { FaultProxy, type FaultTarget, type Planner } from '../support/fault-proxy/fault-proxy.js';
import type { CutKind } from '../support/fault-proxy/link-plan.js';
import { atEnd, HOST } from '../support/harness.js';
import { Child } from './child.js';
import type { Operation, Outcome, Shape } from './operation.js';
import { SEED } from './settings.js';

/** A server that notices within half a second that nobody is there. */
export const WATCHFUL_SERVER = {
  heartbeatInterval: 80,
  heartbeatTimeout: 480,
} as const satisfies N2NServerOptions;

/** A client that likewise notices, that comes back soon, and never gives up. */
export const WATCHFUL_CLIENT = {
  heartbeatTimeout: 400,
  connectTimeout: 400,
  reconnectionDelay: 2,
  maxReconnectionDelay: 50,
  maxReconnectionAttempts: Infinity,
} as const satisfies N2NClientOptions;

export interface SceneTerms {
  readonly server?: N2NServerOptions;
  readonly client?: N2NClientOptions;
}

/** A server and a client, each in a process of its own, with a proxy between them. */
export class Scene {
  private sessions = 0;

  private constructor(
    readonly proxy: FaultProxy,
    readonly server: Child,
    readonly client: Child,
    private readonly options: N2NClientOptions,
  ) {}

  static async start({ server: serverOptions, client: clientOptions }: SceneTerms = {}): Promise<Scene> {
    const server = new Child('server');
    const client = new Child('client');
    const port = await server.ask<number>('listen', { options: { ...WATCHFUL_SERVER, ...serverOptions } });
    const proxy = await startProxy({ port });
    return new Scene(proxy, server, client, { ...WATCHFUL_CLIENT, ...clientOptions });
  }

  /** A client of its own in the client's process. It connects with its first call. */
  async session(): Promise<ClientSession> {
    this.sessions += 1;
    const name = `session ${this.sessions}`;
    const url = `http://${HOST}:${this.proxy.port}`;
    const session = new ClientSession(this.client, name, `${this.sessions}/`);
    await session.open({ url, ...this.options });
    return session;
  }

  /** How often a connection of the client was lost that had been there. */
  async losses(): Promise<number> {
    return this.client.ask<number>('lost');
  }

  /** What ran, by the ids of the operations, once no handler runs any more. */
  async runs(): Promise<Runs> {
    const [server, client] = await Promise.all([runsOf(this.server), runsOf(this.client)]);
    return { server, client };
  }
}

/** How often each operation's handler ran, on each side. */
export interface Runs {
  readonly server: ReadonlyMap<string, number>;
  readonly client: ReadonlyMap<string, number>;
}

async function runsOf(child: Child): Promise<ReadonlyMap<string, number>> {
  await child.ask('quiet');
  return child.ask<ReadonlyMap<string, number>>('runs');
}

export async function startProxy(target: FaultTarget): Promise<FaultProxy> {
  const proxy = await FaultProxy.listen({ target, seed: SEED });
  atEnd(() => proxy.close());
  return proxy;
}

/** One client, and what it does. */
export class ClientSession {
  private begun = 0;

  constructor(
    private readonly client: Child,
    private readonly name: string,
    private readonly prefix: string,
  ) {}

  async open(options: N2NClientOptions): Promise<void> {
    await this.client.ask('open', { name: this.name, options });
  }

  /** Begins operations, and waits for none of them. @returns them with their ids */
  async start(shapes: readonly Shape[]): Promise<Operation[]> {
    const operations = shapes.map((shape) => this.withId(shape));
    await this.client.ask('start', { name: this.name, operations });
    return operations;
  }

  /** What came of all that was started, by their ids; fails when one has not settled in a long time. */
  async settle(): Promise<ReadonlyMap<string, Outcome>> {
    return this.client.ask<ReadonlyMap<string, Outcome>>('settle', { name: this.name });
  }

  async close(): Promise<void> {
    await this.client.ask('close', { name: this.name });
  }

  private withId({ inner, ...shape }: Shape): Operation {
    this.begun += 1;
    const id = `${this.prefix}${this.begun}`;
    return { ...shape, id, ...(inner !== undefined && { inner: this.withId(inner) }) };
  }
}

/** Cuts that are noticed at once, and those that only the heartbeat tells of, which take their time. */
export const MIXED_CUTS: readonly CutKind[] = [
  ...Array.from({ length: 6 }, () => ['rst', 'fin', 'half-open'] as const).flat(),
  'silence',
  'client-unaware',
];

/** Cuts each link at a random byte: mostly in the midst of work, sometimes before the first frame. */
export const randomCuts: Planner = ({ random }) => {
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)];
  const isEarly = random() < 0.15;
  // As many cuts between 2^6 and 2^7 bytes as between 2^16 and 2^17.
  const bytes = isEarly ? random() * 1000 : 1000 + 2 ** (6 + random() * 11);
  const isSliced = random() < 0.1;
  return {
    cutAfter: {
      direction: pick(['up', 'down', 'either'] as const),
      bytes: Math.floor(isSliced ? Math.min(bytes, 4000) : bytes),
      how: pick(MIXED_CUTS),
    },
    slice: isSliced ? 1 + Math.floor(random() * 16) : undefined,
    delay: random() < 0.1 ? Math.floor(random() * 5) : undefined,
    bandwidth: random() < 0.1 ? 2_000_000 : undefined,
  };
};
