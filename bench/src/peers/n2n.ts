import { n2nPeer } from './nest/n2n-peer.js';

/** This library, as its package exports it and with its defaults. */
export const n2n = n2nPeer({});
