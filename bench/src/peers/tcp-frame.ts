import { FrameWriter } from './tcp/frame-writer.js';
import { tcpPeer } from './tcp/tcp-peer.js';

/** What a straightforward protocol over TCP reaches: each frame goes out as soon as it is made. */
export const tcpFrame = tcpPeer((socket) => new FrameWriter(socket));
