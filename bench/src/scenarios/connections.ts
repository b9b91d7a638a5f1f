import { missingFiles } from '../memory/open-files.js';
import type { PeerName } from '../peers/index.js';
import { type Goal, type Scenario } from './scenario.js';

/** What is a fraction of 0.7 of another's is so many times better. */
const SEVEN_TENTHS = 1 / 0.7;

/** Making connections, and what those cost that say nothing. */
export const CONNECTIONS: readonly Scenario[] = [
  {
    name: 'connection set-up',
    work: { kind: 'set-up', atOnce: 8 },
    peers: ['nest-tcp', 'n2n', 'socket.io-ws', 'node-transport', 'tcp-slab'],
    subject: 'n2n',
    against: ['nest-tcp', 'socket.io-ws'],
    metrics: [{ key: 'setUpRate', title: 'connections a second', better: 'higher', digits: 0 }],
    goals: [],
  },
  {
    ...idle(5_000, ['nest-tcp', 'n2n', 'socket.io-ws', 'node-transport']),
    quick: { work: { kind: 'idle', connections: 100 } },
  },
  {
    ...idle(10_000, ['n2n', 'socket.io-ws', 'node-transport']),
    quick: { leftOut: 'opening so many connections takes long' },
  },
];

function idle(connections: number, peers: readonly PeerName[]): Scenario {
  return {
    name: `${connections} idle connections`,
    work: { kind: 'idle', connections },
    peers,
    subject: 'n2n',
    against: ['socket.io-ws'],
    metrics: [
      {
        key: 'serverRssKib',
        title: "server's memory (RSS) a connection, KiB",
        better: 'lower',
        digits: 1,
      },
      {
        key: 'serverHeapKib',
        title: "server's heap and external memory a connection, KiB",
        better: 'lower',
        digits: 1,
      },
    ],
    goals: ['serverRssKib', 'serverHeapKib'].map(lessThanWebSocket),
    readsMemory: true,
    missing: () => missingFiles(connections),
  };
}

function lessThanWebSocket(key: string): Goal {
  return { key, peer: 'n2n', than: 'socket.io-ws', times: SEVEN_TENTHS };
}
