import { N2NError } from '../../n2n-error.js';
import { EVENT_KEY_BYTES, MAX_METADATA_BYTES, MAX_PATTERN_BYTES } from './frame.js';

/** What stands in the body of a REQUEST or EVENT in front of the value. */
export interface RequestHead {
  /** The route of the handler, as Nest spells it. */
  readonly pattern: string;
  /** JSON text of the metadata, if there is any. */
  readonly metadata?: string | undefined;
  /** How many milliseconds the caller still waits; 0 for no limit. */
  readonly remaining: number;
  /** The key of an acknowledged event. */
  readonly key?: Buffer | undefined;
}

/** @throws N2NError `PAYLOAD_TOO_LARGE` */
export function requestFront(head: RequestHead): Buffer {
  const pattern = Buffer.from(head.pattern);
  if (pattern.length > MAX_PATTERN_BYTES) {
    throw new N2NError(
      'PAYLOAD_TOO_LARGE',
      `The pattern has ${pattern.length} bytes; at most ${MAX_PATTERN_BYTES} can be sent.`,
    );
  }
  const metadata = head.metadata === undefined ? undefined : Buffer.from(head.metadata);
  if (metadata !== undefined && metadata.length > MAX_METADATA_BYTES) {
    throw new N2NError(
      'PAYLOAD_TOO_LARGE',
      `Headers and metadata have ${metadata.length} bytes; at most ${MAX_METADATA_BYTES} can be sent.`,
    );
  }
  const front = Buffer.alloc(
    2 +
      pattern.length +
      (head.remaining > 0 ? 4 : 0) +
      (head.key === undefined ? 0 : EVENT_KEY_BYTES) +
      (metadata === undefined ? 0 : 4 + metadata.length),
  );
  front.writeUInt16BE(pattern.length, 0);
  front.set(pattern, 2);
  let at = 2 + pattern.length;
  if (head.remaining > 0) at = front.writeUInt32BE(head.remaining, at);
  if (head.key !== undefined) at += head.key.copy(front, at);
  if (metadata !== undefined) front.set(metadata, front.writeUInt32BE(metadata.length, at));
  return front;
}
