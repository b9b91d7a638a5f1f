import { jsonPeer } from './tcp/json-peer.js';
import { SlabWriter } from './tcp/slab-writer.js';

/** The yardstick: the frames of one turn of the event loop go out together. */
export const tcpSlab = jsonPeer((socket) => new SlabWriter(socket));
