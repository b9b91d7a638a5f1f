import type { PeerName } from './peers/index.js';
import type { Better } from './statistics.js';
import type { Work } from './workloads/work.js';

export interface Scenario {
  readonly name: string;
  readonly work: Work;
  /** In place of `work` in a quick run, where the work is of a fixed size. */
  readonly quickWork?: Work;
  /** Those that can do the work. */
  readonly peers: readonly PeerName[];
  /** Whose ratio to each of the others is shown. */
  readonly subject: PeerName;
  /** Those with whom each is compared. */
  readonly against: readonly PeerName[];
  /** What the table shows. Whatever else a round measures is in the JSON. */
  readonly metrics: readonly Metric[];
  readonly goals: readonly Goal[];
  /**
   * Whether memory is what counts: each round has new processes, the server's memory is read before and after it, and
   * there are few rounds.
   */
  readonly readsMemory?: boolean;
}

export interface Metric {
  /** Its name in a Measurement. */
  readonly key: string;
  readonly title: string;
  readonly better: Better;
  readonly digits: number;
}

/** What was set out to be reached: a number of times better than another peer, or a figure that is not exceeded. */
export type Goal = { readonly key: string; readonly peer: PeerName } & (
  { readonly than: PeerName; readonly times: number } | { readonly atMost: number }
);

const RATE: Metric = { key: 'rate', title: 'calls a second', better: 'higher', digits: 0 };
const LATENCY: Metric = {
  key: 'p50Micros',
  title: 'median latency, microseconds',
  better: 'lower',
  digits: 1,
};
/** On a busy machine it strays less than the rate does. */
const CPU: Metric = {
  key: 'cpuMicros',
  title: 'CPU time a call, both sides, microseconds',
  better: 'lower',
  digits: 0,
};

const KIB = 1024;
const MIB = 1024 * KIB;

export const SCENARIOS: readonly Scenario[] = [
  unary(1),
  unary(64),
  unary(512),
  binary('64 KiB', 64 * KIB, 8),
  binary('1 MiB', MIB, 4),
  nestBinary(),
  items(),
  slowConsumer(),
  beside(),
  soak(),
  idle(),
  slices(),
];

function unary(inFlight: number): Scenario {
  // One call at a time is a question of latency; with more in flight, latency only mirrors the rate.
  const latency = inFlight === 1;
  return {
    name: `unary 100 B c=${inFlight}`,
    work: { kind: 'unary', payload: 'json', bytes: 100, inFlight, latency },
    peers: ['nest-tcp', 'n2n', 'socket.io-ws', 'tcp-frame', 'tcp-slab'],
    subject: 'n2n',
    against: ['nest-tcp', 'tcp-slab'],
    metrics: latency ? [RATE, LATENCY] : [RATE],
    goals: [],
  };
}

function binary(size: string, bytes: number, inFlight: number): Scenario {
  return {
    name: `binary ${size} c=${inFlight}`,
    work: { kind: 'unary', payload: 'binary', bytes, inFlight, latency: false },
    peers: ['socket.io-ws', 'node-transport', 'tcp-binary'],
    subject: 'node-transport',
    against: ['socket.io-ws', 'tcp-binary'],
    metrics: [RATE, CPU],
    goals: [
      { key: 'rate', peer: 'node-transport', than: 'socket.io-ws', times: 1.2 },
      { key: 'rate', peer: 'node-transport', than: 'tcp-binary', times: 0.8 },
    ],
  };
}

function nestBinary(): Scenario {
  return {
    name: 'handlers 1 MiB c=2',
    work: { kind: 'unary', payload: 'binary', bytes: MIB, inFlight: 2, latency: false },
    peers: ['nest-tcp', 'n2n', 'tcp-binary'],
    subject: 'n2n',
    against: ['nest-tcp', 'tcp-binary'],
    metrics: [RATE, CPU],
    goals: [],
  };
}

function items(): Scenario {
  return {
    name: 'items of an Observable',
    // At some ten thousand items a second, a million would take Nest's TCP transport more than a minute a round.
    work: { kind: 'items', items: { n2n: 1_000_000, 'nest-tcp': 30_000 } },
    quickWork: { kind: 'items', items: { n2n: 100_000, 'nest-tcp': 5_000 } },
    peers: ['nest-tcp', 'n2n'],
    subject: 'n2n',
    against: ['nest-tcp'],
    metrics: [{ key: 'itemRate', title: 'items a second', better: 'higher', digits: 0 }],
    goals: [{ key: 'itemRate', peer: 'n2n', than: 'nest-tcp', times: 50 }],
  };
}

function slowConsumer(): Scenario {
  return {
    name: 'slow consumer',
    work: { kind: 'slow-consumer', items: 1_000_000, durationMs: 3_000 },
    quickWork: { kind: 'slow-consumer', items: 1_000_000, durationMs: 500 },
    peers: ['n2n'],
    subject: 'n2n',
    against: [],
    metrics: [
      {
        key: 'serverPeakRiseMib',
        title: "rise of the producer's memory at its peak, MiB",
        better: 'lower',
        digits: 1,
      },
      { key: 'taken', title: 'items taken', better: 'higher', digits: 0 },
    ],
    goals: [{ key: 'serverPeakRiseMib', peer: 'n2n', atMost: 20 }],
    readsMemory: true,
  };
}

function beside(): Scenario {
  return {
    name: 'beside 64 MiB c=1',
    work: { kind: 'beside', bytes: 100, largeBytes: 64 * MIB },
    peers: ['n2n-large'],
    subject: 'n2n-large',
    against: [],
    metrics: [
      { key: 'quietP99Micros', title: 'p99 latency without it, microseconds', better: 'lower', digits: 0 },
      { key: 'busyP99Micros', title: 'p99 latency beside it, microseconds', better: 'lower', digits: 0 },
      { key: 'p99Times', title: 'how many times that is', better: 'lower', digits: 1 },
    ],
    goals: [{ key: 'p99Times', peer: 'n2n-large', atMost: 10 }],
  };
}

function soak(): Scenario {
  return {
    name: 'soak 1000000 calls',
    work: { kind: 'soak', firstCalls: 100_000, furtherCalls: 900_000, inFlight: 256 },
    quickWork: { kind: 'soak', firstCalls: 10_000, furtherCalls: 20_000, inFlight: 256 },
    peers: ['n2n'],
    subject: 'n2n',
    against: [],
    metrics: [
      {
        key: 'serverHeapTimes',
        title: "server's live memory, times that after the first calls",
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
  };
}

function idle(): Scenario {
  return {
    name: 'idle connections',
    work: { kind: 'idle', connections: 5_000 },
    quickWork: { kind: 'idle', connections: 400 },
    peers: ['n2n', 'socket.io-ws', 'node-transport'],
    subject: 'node-transport',
    against: ['socket.io-ws'],
    metrics: [
      { key: 'serverRssKib', title: "server's memory a connection, KiB", better: 'lower', digits: 1 },
      {
        key: 'serverHeapKib',
        title: "server's live objects and buffers a connection, KiB",
        better: 'lower',
        digits: 1,
      },
    ],
    goals: [
      { key: 'serverRssKib', peer: 'node-transport', than: 'socket.io-ws', times: 1 },
      { key: 'serverHeapKib', peer: 'node-transport', than: 'socket.io-ws', times: 1 },
    ],
    readsMemory: true,
  };
}

function slices(): Scenario {
  return {
    name: 'slices of a byte',
    work: { kind: 'slices' },
    peers: ['node-transport'],
    subject: 'node-transport',
    against: [],
    metrics: [
      { key: 'quarterMs', title: 'a packet of 256 KiB, milliseconds', better: 'lower', digits: 1 },
      { key: 'halfMs', title: 'a packet of 512 KiB, milliseconds', better: 'lower', digits: 1 },
      { key: 'wholeMs', title: 'a packet of 1 MiB, milliseconds', better: 'lower', digits: 1 },
      { key: 'growth', title: '1 MiB next to four times 256 KiB', better: 'lower', digits: 2 },
    ],
    goals: [{ key: 'growth', peer: 'node-transport', atMost: 1.5 }],
  };
}
