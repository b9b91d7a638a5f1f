import { FRAME_HEADER_BYTES } from './frame.js';
import { readU32 } from '../buffers/u32.js';

/**
 * Counts the bytes of the first frames of a chunk: of those that `accept` takes, up to about `most` bytes. This side
 * wrote the chunk, so its lengths are right.
 */
export function countFrames(
  chunk: Buffer,
  most: number,
  accept: (type: number, flags: number, bytes: number) => boolean,
): number {
  let at = 0;
  while (at < chunk.length && at < most) {
    const bytes = FRAME_HEADER_BYTES + readU32(chunk, at + 6);
    if (!accept(chunk[at], chunk[at + 1], bytes)) break;
    at += bytes;
  }
  return at;
}
