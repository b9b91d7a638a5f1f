import { N2NError } from '../../n2n-error.js';
import { MAX_METADATA_BYTES, MAX_PATTERN_BYTES } from '../../limits.js';
import { asciiText, utf8Text } from '../buffers/text.js';
import { TextCache } from '../buffers/text-cache.js';
import { readU32 } from '../buffers/u32.js';
import { EVENT_KEY_BYTES, FLAG_ACKNOWLEDGED, FLAG_DEADLINE, FLAG_METADATA, FrameType } from './frame.js';

/** The part of the body of a REQUEST or EVENT that precedes the value. */
export interface RequestHeader {
  /** The route of the handler, in Nest's spelling. */
  readonly pattern: string;
  /** How many more milliseconds the caller waits; 0 for no limit. */
  readonly remaining: number;
  /** JSON text of the metadata, if there is any. */
  readonly metadata?: string | undefined;
  /** The key of an acknowledged event, one character per byte. */
  readonly key?: string | undefined;
}

/** A received header, with the position of the value. */
export interface ReceivedRequestHeader extends RequestHeader {
  readonly valueAt: number;
}

const patterns = new TextCache();

/** @throws N2NError `PAYLOAD_TOO_LARGE` */
export function writeRequestHeader({ pattern, remaining, metadata, key }: RequestHeader): Buffer {
  const patternBytes = Buffer.from(pattern);
  if (patternBytes.length > MAX_PATTERN_BYTES) {
    throw new N2NError(
      'PAYLOAD_TOO_LARGE',
      `The pattern has ${patternBytes.length} bytes; at most ${MAX_PATTERN_BYTES} can be sent.`,
    );
  }
  const metadataBytes = metadata === undefined ? undefined : Buffer.from(metadata);
  if (metadataBytes !== undefined && metadataBytes.length > MAX_METADATA_BYTES) {
    throw new N2NError(
      'PAYLOAD_TOO_LARGE',
      `Headers and metadata have ${metadataBytes.length} bytes; at most ${MAX_METADATA_BYTES} can be sent.`,
    );
  }
  const header = Buffer.alloc(
    2 +
      patternBytes.length +
      (remaining > 0 ? 4 : 0) +
      (key === undefined ? 0 : EVENT_KEY_BYTES) +
      (metadataBytes === undefined ? 0 : 4 + metadataBytes.length),
  );
  header.writeUInt16BE(patternBytes.length, 0);
  header.set(patternBytes, 2);
  let at = 2 + patternBytes.length;
  if (remaining > 0) at = header.writeUInt32BE(remaining, at);
  if (key !== undefined) at += header.write(key, at, EVENT_KEY_BYTES, 'latin1');
  if (metadataBytes !== undefined) header.set(metadataBytes, header.writeUInt32BE(metadataBytes.length, at));
  return header;
}

/** @throws N2NError `PROTOCOL_ERROR` when a part reaches beyond the body */
export function readRequestHeader(
  type: number,
  flags: number,
  chunk: Buffer,
  from: number,
  to: number,
): ReceivedRequestHeader {
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
  return new N2NError('PROTOCOL_ERROR', 'The header of a request reaches beyond its frame.');
}
