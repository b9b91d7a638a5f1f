import type { PeerName } from '../peers/index.js';
import { CPU, KIB, MIB, RATE, type Scenario } from './scenario.js';

/** Buffers echoed. Over Nest's TCP transport they are JSON. */
export const BUFFERS: readonly Scenario[] = [
  buffers('64 KiB', 64 * KIB, 8, 'n2n'),
  // Not more at once: over Nest's TCP transport, both sides then wait for the other to read, for ever.
  {
    ...buffers('1 MiB', MIB, 2, 'n2n'),
    goals: [
      { key: 'rate', peer: 'n2n', than: 'nest-tcp', times: 50 },
      { key: 'rate', peer: 'n2n', than: 'socket.io-ws', times: 1.2 },
      { key: 'rate', peer: 'node-transport', than: 'socket.io-ws', times: 1.2 },
      { key: 'rate', peer: 'node-transport', than: 'tcp-binary', times: 0.8 },
    ],
    quick: { peers: ['n2n', 'socket.io-ws', 'node-transport', 'tcp-binary'] },
  },
  {
    // Longer than this library takes without being told to; Nest's TCP transport takes many seconds for one.
    ...buffers('16 MiB', 16 * MIB, 2, 'n2n-large'),
    peers: ['n2n-large', 'socket.io-ws', 'node-transport', 'tcp-binary'],
    against: ['socket.io-ws', 'tcp-binary'],
  },
  {
    name: 'beside 64 MiB c=1',
    work: { kind: 'beside', bytes: 100, largeBytes: 64 * MIB },
    peers: ['n2n-large'],
    subject: 'n2n-large',
    against: [],
    metrics: [
      {
        key: 'p99Times',
        title: 'p99 latency of small calls, times that without it',
        better: 'lower',
        digits: 1,
      },
      { key: 'quietP99Micros', title: 'p99 latency without it, microseconds', better: 'lower', digits: 0 },
      { key: 'busyP99Micros', title: 'p99 latency beside it, microseconds', better: 'lower', digits: 0 },
    ],
    goals: [{ key: 'p99Times', peer: 'n2n-large', atMost: 10 }],
    quick: { work: { kind: 'beside', bytes: 100, largeBytes: 8 * MIB } },
  },
];

function buffers(size: string, bytes: number, inFlight: number, subject: PeerName): Scenario {
  return {
    name: `Buffers ${size} c=${inFlight}`,
    work: { kind: 'unary', payload: 'binary', bytes, inFlight, latency: false },
    peers: ['nest-tcp', subject, 'socket.io-ws', 'node-transport', 'tcp-binary'],
    subject,
    against: ['nest-tcp', 'socket.io-ws', 'tcp-binary'],
    metrics: [RATE, CPU],
    goals: [],
  };
}
