import { N2NError } from '../../n2n-error.js';
import { asciiText, utf8Text } from '../buffers/text.js';
import { TextCache } from '../buffers/text-cache.js';
import { readU32 } from '../buffers/u32.js';
import { EVENT_KEY_BYTES, FLAG_ACKNOWLEDGED, FLAG_DEADLINE, FLAG_METADATA, FrameType } from './frame.js';

const patterns = new TextCache();

/** What stands in front of the value in the body of a REQUEST or EVENT. */
export interface RequestFront {
  pattern: string;
  /** How many milliseconds the caller still waits; 0 for no limit. */
  remaining: number;
  /** The key of an acknowledged event, as a string of one character a byte. */
  key: string | undefined;
  /** JSON text. */
  metadata: string | undefined;
  /** Where the value begins. */
  valueAt: number;
}

/** @throws N2NError `PROTOCOL_ERROR` when the parts reach beyond the body */
export function readRequestFront(
  type: number,
  flags: number,
  chunk: Buffer,
  from: number,
  to: number,
): RequestFront {
  if (from + 2 > to) throw truncated();
  const patternEnd = from + 2 + ((chunk[from] << 8) | chunk[from + 1]);
  if (patternEnd > to) throw truncated();
  const pattern = patterns.read(chunk, from + 2, patternEnd);
  let at = patternEnd;
  let remaining = 0;
  if ((flags & FLAG_DEADLINE) !== 0) {
    if (at + 4 > to) throw truncated();
    remaining = readU32(chunk, at);
    at += 4;
  }
  let key: string | undefined;
  if (type === FrameType.EVENT && (flags & FLAG_ACKNOWLEDGED) !== 0) {
    if (at + EVENT_KEY_BYTES > to) throw truncated();
    key = asciiText(chunk, at, at + EVENT_KEY_BYTES);
    at += EVENT_KEY_BYTES;
  }
  let metadata: string | undefined;
  if ((flags & FLAG_METADATA) !== 0) {
    if (at + 4 > to) throw truncated();
    const end = at + 4 + readU32(chunk, at);
    if (end > to) throw truncated();
    metadata = utf8Text(chunk, at + 4, end);
    at = end;
  }
  return { pattern, remaining, key, metadata, valueAt: at };
}

function truncated(): N2NError {
  return new N2NError('PROTOCOL_ERROR', 'The front of a request reaches beyond its frame.');
}
