import type { Socket } from 'node:net';
import { HEADER_BYTES, writeFrame, type Writer } from './frame.js';

/** A buffer and a write a frame. */
export class FrameWriter implements Writer {
  constructor(private readonly socket: Socket) {}

  send(call: number, text: string): void {
    const frame = Buffer.allocUnsafe(HEADER_BYTES + Buffer.byteLength(text));
    writeFrame(frame, 0, call, text);
    this.socket.write(frame);
  }
}
