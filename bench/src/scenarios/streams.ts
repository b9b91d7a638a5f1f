import type { ItemsWork } from '../workloads/items.js';
import { type Metric, type Scenario } from './scenario.js';

const ITEM_RATE: Metric = { key: 'itemRate', title: 'items a second', better: 'higher', digits: 0 };

/** What goes one way, or is answered many times. */
export const STREAMS: readonly Scenario[] = [
  {
    name: 'events 100 B',
    work: { kind: 'events', bytes: 100 },
    peers: ['nest-tcp', 'nest-nats', 'nest-redis', 'n2n', 'socket.io-ws'],
    subject: 'n2n',
    against: ['nest-tcp', 'socket.io-ws'],
    metrics: [
      { key: 'eventRate', title: 'events a second', better: 'higher', digits: 0 },
      { key: 'cpuMicros', title: 'CPU seconds a million events, both sides', better: 'lower', digits: 1 },
    ],
    goals: [{ key: 'eventRate', peer: 'n2n', than: 'nest-tcp', times: 8 }],
    quick: { peers: ['nest-tcp', 'nest-nats', 'nest-redis', 'n2n', 'socket.io-ws'] },
  },
  {
    ...items('Observable of a million numbers', 'observable'),
    goals: [{ key: 'itemRate', peer: 'n2n', than: 'nest-tcp', times: 80 }],
  },
  items('async generator of a million numbers', 'generator'),
  {
    name: 'slow consumer',
    work: { kind: 'slow-consumer', items: 1_000_000, durationMs: 3_000 },
    peers: ['n2n'],
    subject: 'n2n',
    against: [],
    metrics: [
      {
        key: 'serverPeakRiseMib',
        title: "rise of the producer's memory (RSS) at its peak, MiB",
        better: 'lower',
        digits: 1,
      },
      { key: 'taken', title: 'items taken', better: 'higher', digits: 0 },
    ],
    goals: [{ key: 'serverPeakRiseMib', peer: 'n2n', atMost: 20 }],
    readsMemory: true,
    quick: { work: { kind: 'slow-consumer', items: 1_000_000, durationMs: 200 } },
  },
];

function items(name: string, source: ItemsWork['source']): Scenario {
  return {
    name,
    // At some ten thousand items a second, a million would take Nest's TCP transport more than a minute a round.
    work: { kind: 'items', source, items: { n2n: 1_000_000, 'nest-tcp': 30_000 } },
    peers: ['nest-tcp', 'n2n'],
    subject: 'n2n',
    against: ['nest-tcp'],
    metrics: [ITEM_RATE],
    goals: [],
    quick: {
      work: { kind: 'items', source, items: { n2n: 50_000, 'nest-tcp': 5_000 } },
      peers: ['nest-tcp', 'n2n'],
    },
  };
}
