import type { Socket } from 'node:net';
import type { Peer } from '../peer.js';
import { FrameReader, type Writer } from './frame.js';
import { socketPeer } from './socket-peer.js';

/** The payload's JSON is made and parsed on both sides, as the others do. */
export function jsonPeer(makeWriter: (socket: Socket) => Writer): Peer {
  return socketPeer((socket, onMessage) => {
    const writer = makeWriter(socket);
    const reader = new FrameReader((call, text) => onMessage(call, JSON.parse(text)));
    socket.on('data', (chunk: Buffer) => reader.push(chunk));
    return (call, value) => writer.send(call, JSON.stringify(value));
  });
}
