import { FrameWriter } from './tcp/frame-writer.js';
import { jsonPeer } from './tcp/json-peer.js';

/** What a straightforward protocol over TCP reaches: each frame goes out as soon as it is made. */
export const tcpFrame = jsonPeer((socket) => new FrameWriter(socket));
