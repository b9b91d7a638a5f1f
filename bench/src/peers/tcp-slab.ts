import { SlabWriter } from './tcp/slab-writer.js';
import { tcpPeer } from './tcp/tcp-peer.js';

/** The yardstick: the frames of one turn of the event loop go out together. */
export const tcpSlab = tcpPeer((socket) => new SlabWriter(socket));
