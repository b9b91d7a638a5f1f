import { type Scenario } from './scenario.js';

/** What must stay small, however long a service runs and however the network cuts its data. */
export const ROBUSTNESS: readonly Scenario[] = [
  {
    name: 'soak 1000000 calls',
    work: { kind: 'soak', firstCalls: 100_000, furtherCalls: 900_000, inFlight: 256 },
    peers: ['n2n'],
    subject: 'n2n',
    against: [],
    metrics: [
      {
        key: 'serverHeapTimes',
        title: "server's live memory (heap and external), times that after the first calls",
        better: 'lower',
        digits: 3,
      },
      { key: 'clientHeapTimes', title: "client's likewise", better: 'lower', digits: 3 },
    ],
    goals: [
      { key: 'serverHeapTimes', peer: 'n2n', atMost: 1.05 },
      { key: 'clientHeapTimes', peer: 'n2n', atMost: 1.05 },
    ],
    readsMemory: true,
    quick: { work: { kind: 'soak', firstCalls: 2_000, furtherCalls: 2_000, inFlight: 256 } },
  },
  {
    name: 'slices of a byte',
    work: { kind: 'slices', repeats: 5 },
    peers: ['node-transport'],
    subject: 'node-transport',
    against: [],
    metrics: [
      { key: 'growth', title: '1 MiB next to four times 256 KiB', better: 'lower', digits: 2 },
      { key: 'quarterMs', title: 'a packet of 256 KiB, milliseconds', better: 'lower', digits: 1 },
      { key: 'halfMs', title: 'a packet of 512 KiB, milliseconds', better: 'lower', digits: 1 },
      { key: 'wholeMs', title: 'a packet of 1 MiB, milliseconds', better: 'lower', digits: 1 },
    ],
    goals: [{ key: 'growth', peer: 'node-transport', atMost: 1.5 }],
    quick: { work: { kind: 'slices', repeats: 1 } },
  },
];
