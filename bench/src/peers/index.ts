import type { Peer } from './peer.js';

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
  | 'n2n'
  | 'n2n-large'
  | 'socket.io-ws'
  | 'node-transport'
  | 'tcp-frame'
  | 'tcp-slab'
  | 'tcp-binary';

/** In the order in which a round visits those that a scenario has. */
export const PEERS: readonly PeerEntry[] = [
  {
    name: 'nest-tcp',
    title: "Nest's TCP transport",
    load: async () => (await import('./nest-tcp.js')).nestTcp,
  },
  {
    name: 'n2n',
    title: 'nestjs-n2n, sessions and limits on',
    load: async () => (await import('./n2n.js')).n2n,
  },
  {
    name: 'n2n-large',
    title: 'the same with a maxPayload of 96 MiB',
    load: async () => (await import('./n2n-large.js')).n2nLarge,
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
