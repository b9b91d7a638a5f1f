import type { BesideWork } from './beside.js';
import type { EventsWork } from './events.js';
import type { IdleWork } from './idle.js';
import type { ItemsWork } from './items.js';
import type { SetUpWork } from './set-up.js';
import type { SlicesWork } from './slices.js';
import type { SlowConsumerWork } from './slow-consumer.js';
import type { SoakWork } from './soak.js';
import type { UnaryWork } from './unary.js';
import type { Bench, Workload } from './workload.js';

/** What a client is told to do in a round. A new kind of work is a member here, a class beside this and a case below. */
export type Work =
  | UnaryWork
  | EventsWork
  | ItemsWork
  | BesideWork
  | SetUpWork
  | IdleWork
  | SlowConsumerWork
  | SoakWork
  | SlicesWork;

/** A workload's module is loaded only where it runs: what it imports is no part of the others' memory. */
export async function makeWorkload(work: Work, bench: Bench): Promise<Workload> {
  switch (work.kind) {
    case 'unary':
      return new (await import('./unary.js')).Unary(work, bench);
    case 'events':
      return new (await import('./events.js')).Events(work, bench.connection);
    case 'items':
      return new (await import('./items.js')).Items(work, bench);
    case 'beside':
      return new (await import('./beside.js')).Beside(work, bench.connection);
    case 'set-up':
      return new (await import('./set-up.js')).SetUp(work, bench);
    case 'idle':
      return new (await import('./idle.js')).Idle(work, bench);
    case 'slow-consumer':
      return new (await import('./slow-consumer.js')).SlowConsumer(work, bench.connection);
    case 'soak':
      return new (await import('./soak.js')).Soak(work, bench.connection);
    case 'slices':
      return new (await import('./slices.js')).Slices(work);
    default:
      throw new Error(`There is no workload for ${JSON.stringify(work satisfies never)}.`);
  }
}
