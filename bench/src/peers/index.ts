import type { Peer } from './peer.js';

/** A peer by its name, its module loaded only by the processes that run it. */
export interface PeerEntry {
  readonly name: string;
  readonly title: string;
  /** Why the peer cannot run on this machine (a broker is not installed), if so: it is left out, and the run says it. */
  readonly missing?: () => string | undefined;
  readonly load: () => Promise<Peer>;
}

/** What the others are compared with in the table, where they run. */
export const BASELINE = 'nest-tcp';
export const SUBJECT = 'n2n';
export const FLOOR = 'tcp-slab';

/** In the order in which a round visits them. */
export const PEERS: readonly PeerEntry[] = [
  {
    name: BASELINE,
    title: "Nest's TCP transport",
    load: async () => (await import('./nest-tcp.js')).nestTcp,
  },
  {
    name: SUBJECT,
    title: 'nestjs-n2n, sessions and limits on',
    load: async () => (await import('./n2n.js')).n2n,
  },
  {
    name: 'socket.io-ws',
    title: 'Socket.IO over WebSocket, emit with acknowledgement, no Nest',
    load: async () => (await import('./socket-io-ws.js')).socketIoWs,
  },
  {
    name: 'tcp-frame',
    title: 'floor: raw TCP, one write a frame, no Nest',
    load: async () => (await import('./tcp-frame.js')).tcpFrame,
  },
  {
    name: FLOOR,
    title: 'floor: raw TCP, frames gathered in a slab, one write a turn, no Nest',
    load: async () => (await import('./tcp-slab.js')).tcpSlab,
  },
];

export function findPeer(name: string): PeerEntry {
  const entry = PEERS.find((peer) => peer.name === name);
  if (entry === undefined) throw new Error(`There is no peer named ${name}.`);
  return entry;
}
