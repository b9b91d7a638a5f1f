import { N2NError } from '../../n2n-error.js';
import { FRAME_HEADER_BYTES } from './frame.js';
import { readU32 } from '../buffers/u32.js';

/** Receives frames as they are read. The body of a frame is `chunk` from `from` up to `to`. */
export interface FrameHandler {
  onFrame(type: number, flags: number, id: number, chunk: Buffer, from: number, to: number): void;
}

/**
 * Reads the frames of a chunk in order. It is a loop: 100 000 frames need no more stack than one.
 *
 * @throws N2NError `PROTOCOL_ERROR` when a frame reaches beyond its chunk; frames before it have been handled
 */
export function readChunk(chunk: Buffer, handler: FrameHandler): void {
  const { length } = chunk;
  let at = 0;
  while (at < length) {
    const body = at + FRAME_HEADER_BYTES;
    if (body > length) throw brokenFrame(at, length);
    const to = body + readU32(chunk, at + 6);
    if (to > length) throw brokenFrame(at, length);
    handler.onFrame(chunk[at], chunk[at + 1], readU32(chunk, at + 2), chunk, body, to);
    at = to;
  }
}

function brokenFrame(at: number, length: number): N2NError {
  return new N2NError(
    'PROTOCOL_ERROR',
    `The frame at byte ${at} reaches beyond its chunk of ${length} bytes.`,
  );
}
