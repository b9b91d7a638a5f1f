import { once } from 'node:events';
import { connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net';
import { HOST, portOf } from '../harness.js';
import { seededRandom } from '../random.js';
import { Link } from './link.js';
import type { CutKind, LinkPlan } from './link-plan.js';

/** Where links lead to: a port of the loopback interface, or the path of a Unix domain socket. */
export type FaultTarget = { readonly port: number } | { readonly path: string };

interface FaultProxyOptions {
  readonly target: FaultTarget;
  /** Where the numbers that plans are made of begin. */
  readonly seed?: number | undefined;
}

/** What a plan is made for. */
interface PlannedLink {
  /** Counted from 0, in the order in which the links were accepted. */
  readonly index: number;
  /** Numbers from 0 up to 1, the same for this index whenever the seed is the same. */
  readonly random: () => number;
}

export type Planner = (link: PlannedLink) => LinkPlan;

/**
 * Stands between a client and a server, and harms their links as it is told: cuts, delay, little bandwidth, small pieces.
 * It holds a bounded number of bytes, and holds back a sender beyond them.
 *
 * @example
 * const proxy = await FaultProxy.listen({ target: { port }, seed });
 * proxy.plan(({ random }) => ({
 *   cutAfter: { direction: 'either', bytes: Math.floor(random() * 10_000), how: 'rst' },
 * }));
 */
export class FaultProxy {
  readonly seed: number;
  private readonly server: Server;
  private readonly open = new Set<Link>();
  private readonly waiting = new Set<() => void>();
  private target: FaultTarget;
  private planner: Planner = () => ({});
  private isRefusing = false;
  /** Of an outage that is not over yet. */
  private over: { resolve: () => void; timer: NodeJS.Timeout } | undefined;
  private accepted = 0;
  private cutCount = 0;

  private constructor({ target, seed = 1 }: FaultProxyOptions) {
    this.target = target;
    this.seed = seed;
    // Each direction ends by itself, as it does without a proxy.
    this.server = createServer({ allowHalfOpen: true }, (client) => this.accept(client));
  }

  static async listen(options: FaultProxyOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy(options);
    proxy.server.listen(0, HOST);
    await once(proxy.server, 'listening');
    return proxy;
  }

  get port(): number {
    return portOf(this.server);
  }

  /** How many links were accepted so far; those that were refused do not count. */
  get links(): number {
    return this.accepted;
  }

  /** How many links have a side that is connected. */
  get openLinks(): number {
    return this.open.size;
  }

  /** How many links were cut so far. */
  get cuts(): number {
    return this.cutCount;
  }

  /** How many bytes it has that have come and not gone. */
  get held(): number {
    let sum = 0;
    for (const link of this.open) sum += link.held;
    return sum;
  }

  /** What happens to the links that are accepted from now on. */
  plan(planner: Planner): void {
    this.planner = planner;
  }

  /** Cuts every link that is there. */
  cutAll(how: CutKind): void {
    for (const link of this.open) link.cut(how);
  }

  /** Cuts every link, and lets nobody in for as many milliseconds. Settles when it is over. */
  async outage(how: CutKind, milliseconds: number): Promise<void> {
    this.refuse(true);
    this.cutAll(how);
    await new Promise<void>((resolve) => {
      this.over = { resolve, timer: setTimeout(resolve, milliseconds) };
    });
    this.refuse(false);
  }

  /** Whether those who connect are reset at once. The port stays taken, so that nobody else gets it. */
  refuse(isRefusing: boolean): void {
    this.isRefusing = isRefusing;
  }

  /** Where the links that are accepted from now on lead to. */
  retarget(target: FaultTarget): void {
    this.target = target;
  }

  /** Settles when this is so, which is looked at whenever a link was accepted, was cut, or is over. */
  async until(condition: (proxy: this) => boolean): Promise<void> {
    while (!condition(this)) {
      // oxlint-disable-next-line no-await-in-loop -- each change is looked at when it is there
      await new Promise<void>((resolve) => this.waiting.add(resolve));
    }
  }

  /** Ends every link, without a plan, and takes no more. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const link of this.open) link.destroy();
    clearTimeout(this.over?.timer);
    this.over?.resolve();
    await Promise.all([closed, this.until(({ openLinks }) => openLinks === 0)]);
  }

  private accept(client: Socket): void {
    if (this.isRefusing) {
      client.on('error', () => {});
      client.resetAndDestroy();
      return;
    }
    const index = this.accepted;
    this.accepted += 1;
    const plan = this.planner({ index, random: randomOfLink(this.seed, index) });
    const link = new Link(client, connect({ ...addressOf(this.target), allowHalfOpen: true }), plan, {
      onCut: () => {
        this.cutCount += 1;
        this.tell();
      },
      onOver: () => {
        this.open.delete(link);
        this.tell();
      },
    });
    this.open.add(link);
    this.tell();
  }

  private tell(): void {
    const told = [...this.waiting];
    this.waiting.clear();
    for (const resolve of told) resolve();
  }
}

function addressOf(target: FaultTarget): NetConnectOpts {
  return 'path' in target ? target : { port: target.port, host: HOST };
}

/** Each link has numbers of its own, so that what one of them uses up does not change what happens to the next. */
function randomOfLink(seed: number, index: number): () => number {
  return seededRandom(Math.imul(seed ^ Math.imul(index + 1, 0x9e3779b1), 0x85ebca6b));
}
