import { missingProgram } from './broker/program.js';
import { PIPED_ECHO, type Peer } from './peer.js';

/** A peer by its name, its module loaded only by the processes that run it. */
export interface PeerEntry {
  readonly name: PeerName;
  readonly title: string;
  /** Why the peer cannot run on this machine (a broker is not installed), if so: it is left out, and the run says it. */
  readonly missing?: () => string | undefined;
  readonly load: () => Promise<Peer>;
}

export type PeerName =
  | 'nest-tcp'
  | 'nest-tcp-piped'
  | 'nest-tcp-tls'
  | 'nest-grpc'
  | 'nest-nats'
  | 'nest-redis'
  | 'n2n'
  | 'n2n-piped'
  | 'n2n-large'
  | 'n2n-windowless'
  | 'n2n-tls'
  | 'n2n-unix'
  | 'n2n-ws'
  | 'socket.io-ws'
  | 'node-transport'
  | 'tcp-frame'
  | 'tcp-slab'
  | 'tcp-binary';

const LARGE_BYTES = 96 * 1024 * 1024;

const nestTcp = async () => (await import('./nest/nest-tcp-peer.js')).nestTcpPeer;
const n2n = async () => (await import('./nest/n2n-peer.js')).n2nPeer;

/** In the order in which a round visits those that a scenario has. */
export const PEERS: readonly PeerEntry[] = [
  { name: 'nest-tcp', title: "Nest's TCP transport", load: async () => (await nestTcp())() },
  {
    name: 'nest-tcp-piped',
    title: 'the same, the handler under an interceptor and a pipe',
    load: async () => (await nestTcp())({ pattern: PIPED_ECHO }),
  },
  {
    name: 'nest-tcp-tls',
    title: "Nest's TCP transport over TLS",
    load: async () => (await nestTcp())({ tls: true }),
  },
  {
    name: 'nest-grpc',
    title: "Nest's gRPC transport",
    load: async () => (await import('./nest-grpc.js')).nestGrpc,
  },
  {
    name: 'nest-nats',
    title: "Nest's NATS transport, the broker on the same machine",
    missing: () => missingProgram('nats-server'),
    load: async () => (await import('./nest-nats.js')).nestNats,
  },
  {
    name: 'nest-redis',
    title: "Nest's Redis transport, likewise",
    missing: () => missingProgram('redis-server'),
    load: async () => (await import('./nest-redis.js')).nestRedis,
  },
  { name: 'n2n', title: 'nestjs-n2n with its defaults', load: async () => (await n2n())() },
  {
    name: 'n2n-piped',
    title: 'the same, the handler under an interceptor and a pipe',
    load: async () => (await n2n())({ pattern: PIPED_ECHO }),
  },
  {
    name: 'n2n-large',
    title: 'nestjs-n2n with a maxPayload of 96 MiB',
    load: async () => (await n2n())({ maxPayload: LARGE_BYTES }),
  },
  {
    name: 'n2n-windowless',
    title: 'nestjs-n2n without sessions that outlive their links',
    load: async () => (await n2n())({ resumeWindow: 0 }),
  },
  { name: 'n2n-tls', title: 'nestjs-n2n over TLS', load: async () => (await n2n())({ tls: true }) },
  {
    name: 'n2n-unix',
    title: 'nestjs-n2n over a Unix domain socket',
    load: async () => (await n2n())({ unix: true }),
  },
  {
    name: 'n2n-ws',
    title: 'nestjs-n2n over WebSocket, its fallback',
    missing: withoutBufferUtil,
    load: async () => (await n2n())({ transports: ['websocket'] }),
  },
  {
    name: 'socket.io-ws',
    title: 'Socket.IO over WebSocket with bufferutil, emit with acknowledgement, no Nest',
    missing: withoutBufferUtil,
    load: async () => (await import('./socket-io-ws.js')).socketIoWs,
  },
  {
    name: 'node-transport',
    title: 'the same over nodeTransport of nestjs-n2n/node',
    load: async () => (await import('./node-transport.js')).nodeTransport,
  },
  {
    name: 'tcp-frame',
    title: 'floor: raw TCP, one write a frame, no Nest',
    load: async () => (await import('./tcp-frame.js')).tcpFrame,
  },
  {
    name: 'tcp-slab',
    title: 'floor: raw TCP, frames gathered in a slab, one write a turn, no Nest',
    load: async () => (await import('./tcp-slab.js')).tcpSlab,
  },
  {
    name: 'tcp-binary',
    title: 'floor: raw TCP, length-prefixed bytes, collected and copied once, no Nest',
    load: async () => (await import('./tcp-binary.js')).tcpBinary,
  },
];

export function findPeer(name: string): PeerEntry {
  const entry = PEERS.find((peer) => peer.name === name);
  if (entry === undefined) throw new Error(`There is no peer named ${name}.`);
  return entry;
}

/** Without it, `ws` masks and unmasks in JavaScript: another peer altogether where payloads are large. */
function withoutBufferUtil(): string | undefined {
  try {
    import.meta.resolve('bufferutil');
    return undefined;
  } catch {
    return 'bufferutil is not installed';
  }
}
