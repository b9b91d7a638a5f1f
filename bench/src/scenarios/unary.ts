import type { PeerName } from '../peers/index.js';
import { CPU, KIB, RATE, type Goal, type Metric, type Scenario } from './scenario.js';

const P50: Metric = { key: 'p50Micros', title: 'median latency, microseconds', better: 'lower', digits: 1 };

const ALL: readonly PeerName[] = [
  'nest-tcp',
  'nest-grpc',
  'nest-nats',
  'nest-redis',
  'n2n',
  'socket.io-ws',
  'tcp-frame',
  'tcp-slab',
];

const goal = (than: PeerName, times: number, peer: PeerName = 'n2n', key = 'rate'): Goal => ({
  key,
  peer,
  than,
  times,
});

/** Echo calls of an object in JSON, over one connection. */
export const UNARY: readonly Scenario[] = [
  {
    name: 'unary 100 B c=1',
    // One call at a time is a question of latency; with more in flight, latency only mirrors the rate.
    work: { kind: 'unary', payload: 'json', bytes: 100, inFlight: 1, latency: true },
    peers: ALL,
    subject: 'n2n',
    against: ['nest-tcp', 'tcp-slab'],
    metrics: [P50, RATE],
    goals: [goal('nest-tcp', 1.25, 'n2n', 'p50Micros')],
  },
  {
    ...calls('unary 100 B c=64', ALL),
    metrics: [RATE, CPU],
    goals: [
      goal('nest-tcp', 3.5),
      goal('tcp-slab', 0.75),
      goal('socket.io-ws', 2.3),
      goal('nest-grpc', 25),
      goal('nest-nats', 8),
      goal('nest-redis', 7),
    ],
    quick: { peers: ALL },
  },
  {
    ...calls('unary 100 B c=512', ALL, { inFlight: 512 }),
    goals: [goal('nest-tcp', 4)],
  },
  calls('unary 10 KiB c=64', ALL, { bytes: 10 * KIB }),
  calls('100 clients 100 B c=100', ['nest-tcp', 'n2n', 'socket.io-ws', 'tcp-slab'], {
    inFlight: 100,
    clients: 100,
  }),
  {
    ...calls('interceptor and pipe 100 B c=64', ['nest-tcp', 'nest-tcp-piped', 'n2n', 'n2n-piped'], {
      subject: 'n2n-piped',
      against: ['nest-tcp-piped', 'n2n'],
    }),
    quick: { peers: ['nest-tcp-piped', 'n2n-piped'] },
  },
  {
    ...calls('TLS 100 B c=64', ['nest-tcp', 'nest-tcp-tls', 'n2n', 'n2n-tls'], {
      subject: 'n2n-tls',
      against: ['nest-tcp-tls', 'n2n'],
    }),
    quick: { peers: ['nest-tcp-tls', 'n2n-tls'] },
  },
  {
    ...calls('Unix socket 100 B c=64', ['nest-tcp', 'n2n', 'n2n-unix'], {
      subject: 'n2n-unix',
      against: ['n2n', 'nest-tcp'],
    }),
    goals: [goal('n2n', 1.2, 'n2n-unix')],
  },
  {
    ...calls('resumable sessions 100 B c=64', ['n2n', 'n2n-windowless'], { against: ['n2n-windowless'] }),
    goals: [goal('n2n-windowless', 0.95)],
    quick: { peers: ['n2n', 'n2n-windowless'] },
  },
  calls('WebSocket fallback 100 B c=64', ['nest-tcp', 'n2n', 'n2n-ws', 'socket.io-ws'], {
    subject: 'n2n-ws',
    against: ['n2n', 'socket.io-ws'],
  }),
];

interface Calls {
  readonly bytes?: number;
  readonly inFlight?: number;
  readonly clients?: number;
  readonly subject?: PeerName;
  readonly against?: readonly PeerName[];
}

function calls(
  name: string,
  peers: readonly PeerName[],
  {
    bytes = 100,
    inFlight = 64,
    clients = 1,
    subject = 'n2n',
    against = ['nest-tcp', 'tcp-slab'],
  }: Calls = {},
): Scenario {
  return {
    name,
    work: { kind: 'unary', payload: 'json', bytes, inFlight, clients, latency: false },
    peers,
    subject,
    against,
    metrics: [RATE],
    goals: [],
  };
}
