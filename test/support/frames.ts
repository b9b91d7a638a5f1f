import type { ChunkWriter } from '../../src/protocol/frames/chunk-writer.js';
import {
  EVENT_KEY_BYTES,
  FLAG_ACKNOWLEDGED,
  FLAG_DEADLINE,
  FLAG_METADATA,
  FLAG_MORE,
  FRAGMENT_PREFIX_BYTES,
  FrameType,
  ValueForm,
} from '../../src/protocol/frames/frame.js';
import type { FragmentedBody } from '../../src/protocol/frames/fragmented-body.js';
import { frame, type SeenFrame } from './fake-link.js';

/** Writes all fragments of a body that is too long for one frame. */
export function writeLong(writer: ChunkWriter, body: FragmentedBody | undefined): void {
  while (body !== undefined && body.missing > 0) writer.writeFragment(body);
}

/** The body of one frame, or of the fragments of one, without the length in front of the first. */
export function wholeBody(frames: readonly SeenFrame[]): Buffer {
  const bytes = Buffer.concat(frames.map(({ body }) => body));
  return frames.length > 1 ? bytes.subarray(FRAGMENT_PREFIX_BYTES) : bytes;
}

/** Four bytes, big-endian. */
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function creditFrame(id: number, items: number, bytes: number): Buffer {
  return frame(FrameType.CREDIT, 0, id, Buffer.concat([u32(items), u32(bytes)]));
}

/** A value as JSON. */
export function valueFrame(type: number, flags: number, id: number, value: unknown): Buffer {
  return frame(type, flags | ValueForm.UTF8_JSON, id, JSON.stringify(value));
}

/** A body in fragments of `size` bytes, whose length is told as it is, or otherwise. */
export function fragmentsOf(
  type: number,
  flags: number,
  id: number,
  body: Buffer,
  size: number,
  told = body.length,
): Buffer[] {
  const fragments: Buffer[] = [];
  for (let at = 0; at < body.length; at += size) {
    const more = at + size < body.length ? FLAG_MORE : 0;
    const part = body.subarray(at, at + size);
    fragments.push(frame(type, flags | more, id, at === 0 ? Buffer.concat([u32(told), part]) : part));
  }
  return fragments;
}

/** What stands in a REQUEST or EVENT; whatever is left out is not there. */
interface RequestParts {
  readonly pattern?: string;
  readonly remaining?: number;
  readonly key?: Buffer;
  /** JSON, however wrong. */
  readonly metadata?: string;
  /** JSON, however wrong. */
  readonly json?: string;
}

function requestFlags({ remaining, key, metadata, json }: RequestParts): number {
  return (
    (json === undefined ? ValueForm.NONE : ValueForm.UTF8_JSON) |
    (remaining === undefined ? 0 : FLAG_DEADLINE) |
    (key === undefined ? 0 : FLAG_ACKNOWLEDGED) |
    (metadata === undefined ? 0 : FLAG_METADATA)
  );
}

export function requestBody({ pattern = 'p', remaining, key, metadata, json = '' }: RequestParts): Buffer {
  const text = Buffer.from(pattern);
  const json8 = metadata === undefined ? undefined : Buffer.from(metadata);
  return Buffer.concat([
    Buffer.from([text.length >>> 8, text.length & 0xff]),
    text,
    ...(remaining === undefined ? [] : [u32(remaining)]),
    ...(key === undefined ? [] : [key]),
    ...(json8 === undefined ? [] : [u32(json8.length), json8]),
    Buffer.from(json),
  ]);
}

/** A key of an acknowledged event. */
export function keyOf(text: string): Buffer {
  return Buffer.from(text.padEnd(EVENT_KEY_BYTES, '.').slice(0, EVENT_KEY_BYTES), 'latin1');
}

/** A REQUEST or EVENT from its parts. */
export function callFrame(type: number, flags: number, id: number, parts: RequestParts): Buffer {
  return frame(type, flags | requestFlags(parts), id, requestBody(parts));
}
