import { n2nPeer } from './nest/n2n-peer.js';

/** This library with room for large payloads. */
export const n2nLarge = n2nPeer({ maxPayload: 96 * 1024 * 1024 });
