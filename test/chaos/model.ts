import * as fc from 'fast-check';
import type { Arbitrary, AsyncCommand } from 'fast-check';
import type { CutKind } from '../support/fault-proxy/link-plan.js';
import type { FaultProxy } from '../support/fault-proxy/fault-proxy.js';
import { burst, shapes, type Operation, type Outcome, type Shape } from './operation.js';
import { MIXED_CUTS, type ClientSession, type Runs } from './scene.js';

/** What the operations of a script must come to. */
export class Model {
  /** By their ids, those within others as well. */
  private readonly operations = new Map<string, { operation: Operation; side: keyof Runs }>();
  private readonly outcomes = new Map<string, Outcome>();

  /** @param within whether every link came back within the window of its session */
  constructor(private readonly within: boolean) {}

  add(operation: Operation): void {
    const { id, inner } = operation;
    this.operations.set(id, { operation, side: 'server' });
    if (inner !== undefined) this.operations.set(inner.id, { operation: inner, side: 'client' });
  }

  /** @returns what is wrong about it, if anything is */
  settle(outcomes: ReadonlyMap<string, Outcome>): string[] {
    for (const [id, outcome] of outcomes) this.outcomes.set(id, outcome);
    return [...outcomes].flatMap(([id, outcome]) => this.faultsOfOutcome(id, outcome));
  }

  /** @returns what is wrong about what ran for this script */
  faultsOfRuns(runs: Runs): string[] {
    return [...this.operations.values()].flatMap(({ operation, side }) => {
      const { id, kind } = operation;
      const [least, most] = this.runsAllowed(operation, side);
      const count = runs[side].get(id) ?? 0;
      const other = runs[side === 'server' ? 'client' : 'server'].get(id) ?? 0;
      if (count >= least && count <= most && other === 0) return [];
      return [`${kind} ${id} ran ${count} times on the ${side} (${least} to ${most}), ${other} on the other`];
    });
  }

  get calls(): number {
    return this.operations.size;
  }

  /** How many operations were lost, and said so. */
  get lost(): number {
    return [...this.outcomes.values()].filter(({ ok }) => !ok).length;
  }

  private faultsOfOutcome(id: string, { ok, code, message }: Outcome): string[] {
    if (ok) return [];
    const kind = this.operations.get(id)?.operation.kind;
    const isLoss = code === 'CONNECTION_LOST' && /lost|session/i.test(message ?? '');
    // What is sent again comes to its end in the next session.
    const mayBeLost = !this.within && kind !== 'event' && kind !== 'idempotent';
    return isLoss && mayBeLost ? [] : [`${kind} ${id} failed: ${code} ${message}`];
  }

  private runsAllowed({ id, kind }: Operation, side: keyof Runs): [least: number, most: number] {
    if (this.within) return [1, 1];
    // It is done by a handler whose own caller may be lost; and a server has no other session to send it again over.
    if (side === 'client') return [0, 1];
    // An acknowledged event is recognised by its key.
    if (kind === 'event') return [1, 1];
    if (kind === 'idempotent') return [1, Infinity];
    return this.outcomes.get(id)?.ok === true ? [1, 1] : [0, 1];
  }
}

/** What a script is played on. */
interface Real {
  readonly proxy: FaultProxy;
  readonly session: ClientSession;
}

type Command = AsyncCommand<Model, Real, boolean>;

export type Scripts = Arbitrary<Iterable<Command>>;

class Start implements Command {
  constructor(private readonly shapes: readonly Shape[]) {}

  check(): boolean {
    return true;
  }

  async run(model: Model, { session }: Real): Promise<void> {
    for (const operation of await session.start(this.shapes)) model.add(operation);
  }

  toString(): string {
    return `start ${this.shapes.map(({ kind, inner }) => (inner === undefined ? kind : `${kind} ${inner.kind}`)).join(', ')}`;
  }
}

class Cut implements Command {
  constructor(private readonly how: CutKind) {}

  check(): boolean {
    return true;
  }

  async run(_model: Model, { proxy }: Real): Promise<void> {
    proxy.cutAll(this.how);
  }

  toString(): string {
    return `cut with ${this.how}`;
  }
}

class Outage implements Command {
  constructor(
    private readonly how: CutKind,
    private readonly milliseconds: number,
  ) {}

  check(): boolean {
    return true;
  }

  async run(_model: Model, { proxy }: Real): Promise<void> {
    await proxy.outage(this.how, this.milliseconds);
  }

  toString(): string {
    return `outage of ${this.milliseconds} ms with ${this.how}`;
  }
}

class Settle implements Command {
  check(): boolean {
    return true;
  }

  async run(model: Model, { session }: Real): Promise<void> {
    const faults = model.settle(await session.settle());
    if (faults.length > 0) throw new Error(faults.slice(0, 20).join('\n'));
  }

  toString(): string {
    return 'settle';
  }
}

const starts = [
  shapes.map((started) => new Start(started)),
  shapes.map((started) => new Start(started)),
  burst.map((started) => new Start(started)),
];
const settle = fc.constant(new Settle());
const cut = fc.constantFrom(...MIXED_CUTS).map((how) => new Cut(how));

/** Scripts of cuts that a session outlives. */
export const cutScripts: Scripts = fc.commands<Model, Real, boolean>([...starts, ...starts, cut, settle], {
  maxCommands: 25,
  size: 'max',
});

/** Scripts with outages of these lengths, in milliseconds. */
export function outageScripts(min: number, max: number): Scripts {
  const outage = fc
    .tuple(fc.constantFrom(...MIXED_CUTS), fc.integer({ min, max }))
    .map(([how, milliseconds]) => new Outage(how, milliseconds));
  return fc.commands<Model, Real, boolean>([...starts, cut, outage, settle], {
    maxCommands: 15,
    size: 'max',
  });
}
