import { N2NError } from '../../n2n-error.js';
import { FRAGMENT_BYTES, MAX_WHOLE_BODY_BYTES } from '../../limits.js';
import {
  ACK_BODY_BYTES,
  FLAG_ACKNOWLEDGED,
  FLAG_DEADLINE,
  FLAG_METADATA,
  FRAME_HEADER_BYTES,
  GOAWAY_BODY_BYTES,
  SESSION_ID,
  ValueForm,
  FrameType,
} from './frame.js';
import { MAX_INTEGER_BYTES, writeInteger } from '../values/integer.js';
import { FragmentedBody } from './fragmented-body.js';
import { writeRequestHeader, type RequestHeader } from './request-header.js';
import { writeUtf8 } from '../buffers/text.js';
import { writeU32 } from '../buffers/u32.js';
import { CodedValue, type EncodedValue } from '../values/value.js';

/** A string of n UTF-16 units is at most 3 n bytes of UTF-8. */
const MAX_UTF8_PER_UNIT = 3;

/** The longest pattern that is written directly into the slab, in UTF-16 units. */
const DIRECT_PATTERN_UNITS = 1024;

/** The same for a text, which may follow such a pattern: both always fit one frame. */
const DIRECT_UNITS = Math.floor(FRAGMENT_BYTES / MAX_UTF8_PER_UNIT) - DIRECT_PATTERN_UNITS - 2;

/** The bytes of a longer text are counted first, because three bytes for each unit would waste too much room. */
const COUNTED_UNITS = 1024;

const NOTHING = Buffer.alloc(0);

/**
 * Writes frames into memory, one behind the other. The subclasses provide the memory, and decide what happens to it.
 */
export abstract class FrameWriter {
  /** The frames that have not been taken lie in the slab from `start` up to `end`. */
  protected slab: Buffer = NOTHING;
  protected start = 0;
  protected end = 0;

  private readonly directUnits: number;

  /** @param maxPayload the longest value that may be written, in bytes */
  constructor(private readonly maxPayload: number) {
    this.directUnits = Math.min(DIRECT_UNITS, Math.floor(maxPayload / MAX_UTF8_PER_UNIT));
  }

  /** Finds room for a frame of so many bytes. The slab does not have it. */
  protected abstract renew(bytes: number): void;

  /** How many bytes of the slab a part of a body needs. */
  protected abstract roomOf(part: Uint8Array): number;

  /** Writes the body of a frame whose header has been written. */
  protected abstract append(parts: readonly Uint8Array[]): void;

  /** A frame without a body. */
  writeEmpty(type: FrameType, flags: number, id: number): void {
    this.reserve(FRAME_HEADER_BYTES);
    this.end = writeHeader(this.slab, this.end, type, flags, id, 0);
  }

  /**
   * A frame whose body is a value.
   * @returns the body when it is too long for one frame: then nothing is written, and the caller must send it
   * @throws N2NError `PAYLOAD_TOO_LARGE`
   */
  writeValue(type: FrameType, flags: number, id: number, value: EncodedValue): FragmentedBody | undefined {
    if (typeof value === 'number') {
      this.reserve(FRAME_HEADER_BYTES + MAX_INTEGER_BYTES);
      const length = writeInteger(this.slab, this.end + FRAME_HEADER_BYTES, value);
      this.end = writeHeader(this.slab, this.end, type, flags | ValueForm.ASCII_JSON, id, length) + length;
      return undefined;
    }
    if (typeof value === 'string' && value.length <= this.directUnits) {
      this.reserve(FRAME_HEADER_BYTES + roomFor(value));
      const body = this.end + FRAME_HEADER_BYTES;
      const length = writeUtf8(this.slab, value, body);
      const form = length === value.length ? ValueForm.ASCII_JSON : ValueForm.UTF8_JSON;
      this.end = writeHeader(this.slab, this.end, type, flags | form, id, length) + length;
      return undefined;
    }
    return this.writeBody(type, flags | formOf(value), id, bytesOf(value));
  }

  /**
   * A REQUEST or EVENT.
   * @param flags FLAG_STREAM, or 0
   * @returns the body when it is too long for one frame; see `writeValue`
   * @throws N2NError `PAYLOAD_TOO_LARGE` for a value or pattern over its limit: then nothing is written
   */
  writeRequest(
    type: FrameType,
    flags: number,
    id: number,
    header: RequestHeader,
    encoded: EncodedValue,
  ): FragmentedBody | undefined {
    const { pattern, metadata, remaining, key } = header;
    const value = typeof encoded === 'number' ? String(encoded) : encoded;
    if (
      metadata === undefined &&
      key === undefined &&
      (value === undefined || typeof value === 'string') &&
      pattern.length <= DIRECT_PATTERN_UNITS &&
      (value?.length ?? 0) <= this.directUnits
    ) {
      this.writeDirectRequest(type, flags, id, pattern, remaining, value);
      return undefined;
    }
    const allFlags =
      flags |
      formOf(value) |
      (remaining > 0 ? FLAG_DEADLINE : 0) |
      (metadata === undefined ? 0 : FLAG_METADATA) |
      (key === undefined ? 0 : FLAG_ACKNOWLEDGED);
    return this.writeBody(type, allFlags, id, bytesOf(value), writeRequestHeader(header));
  }

  /** CREDIT: how much more the other side may send. */
  writeCredit(id: number, items: number, bytes: number): void {
    this.reserve(FRAME_HEADER_BYTES + 8);
    const at = writeHeader(this.slab, this.end, FrameType.CREDIT, 0, id, 8);
    this.end = writeU32(this.slab, writeU32(this.slab, at, items), bytes);
  }

  /** ACK: everything up to this position of the session has been received. */
  writeAck(position: number): void {
    this.reserve(FRAME_HEADER_BYTES + ACK_BODY_BYTES);
    const at = writeHeader(this.slab, this.end, FrameType.ACK, 0, SESSION_ID, ACK_BODY_BYTES);
    this.end = writePosition(this.slab, at, position);
  }

  /** GOAWAY: the other side must make no new calls. @param retryAfter milliseconds */
  writeGoAway(flags: number, retryAfter: number): void {
    this.reserve(FRAME_HEADER_BYTES + GOAWAY_BODY_BYTES);
    const at = writeHeader(this.slab, this.end, FrameType.GOAWAY, flags, SESSION_ID, GOAWAY_BODY_BYTES);
    this.end = writeU32(this.slab, at, retryAfter);
  }

  /** Writes the usual request, small and without metadata, directly into the slab. */
  private writeDirectRequest(
    type: FrameType,
    extraFlags: number,
    id: number,
    pattern: string,
    remaining: number,
    value: string | undefined,
  ): void {
    this.reserve(FRAME_HEADER_BYTES + 6 + roomFor(pattern) + (value === undefined ? 0 : roomFor(value)));
    const { slab } = this;
    const body = this.end + FRAME_HEADER_BYTES;
    const patternBytes = writeUtf8(slab, pattern, body + 2);
    slab[body] = patternBytes >>> 8;
    slab[body + 1] = patternBytes;
    let at = body + 2 + patternBytes;
    let flags = extraFlags;
    if (remaining > 0) {
      flags |= FLAG_DEADLINE;
      at = writeU32(slab, at, remaining);
    }
    if (value !== undefined) {
      const length = writeUtf8(slab, value, at);
      flags |= length === value.length ? ValueForm.ASCII_JSON : ValueForm.UTF8_JSON;
      at += length;
    }
    writeHeader(slab, this.end, type, flags, id, at - body);
    this.end = at;
  }

  /** Writes a body that fits one frame, and returns one that does not. */
  private writeBody(
    type: FrameType,
    flags: number,
    id: number,
    parts: readonly Uint8Array[],
    header?: Buffer,
  ): FragmentedBody | undefined {
    let length = 0;
    for (const part of parts) length += part.length;
    if (length > this.maxPayload) {
      throw new N2NError(
        'PAYLOAD_TOO_LARGE',
        `The value has ${length} bytes; the other side takes ${this.maxPayload}. Send less, or raise its maxPayload.`,
        { details: { length, maxPayload: this.maxPayload } },
      );
    }
    const body = header === undefined ? parts : [header, ...parts];
    const total = length + (header?.length ?? 0);
    if (total > MAX_WHOLE_BODY_BYTES) return new FragmentedBody(type, flags, id, body, total);
    this.writeFrame(type, flags, id, total, body);
    return undefined;
  }

  /** A frame with a body of so many bytes. */
  protected writeFrame(
    type: number,
    flags: number,
    id: number,
    length: number,
    parts: readonly Uint8Array[],
  ): void {
    let room = FRAME_HEADER_BYTES;
    for (const part of parts) room += this.roomOf(part);
    this.reserve(room);
    this.end = writeHeader(this.slab, this.end, type, flags, id, length);
    this.append(parts);
  }

  /** Makes sure that a frame of this size fits the slab. */
  protected reserve(bytes: number): void {
    if (this.end + bytes > this.slab.length) this.renew(bytes);
  }
}

/** Writes a position of a session as two integers of four bytes. @returns the index behind it */
export function writePosition(to: Uint8Array, at: number, position: number): number {
  return writeU32(to, writeU32(to, at, Math.floor(position / 2 ** 32)), position);
}

/** The most bytes that a text may need. */
function roomFor(text: string): number {
  return text.length > COUNTED_UNITS ? Buffer.byteLength(text) : text.length * MAX_UTF8_PER_UNIT;
}

function formOf(value: Exclude<EncodedValue, number>): ValueForm {
  if (value === undefined) return ValueForm.NONE;
  if (typeof value === 'string') return ValueForm.UTF8_JSON;
  if (value instanceof CodedValue) return ValueForm.CODED;
  return value instanceof Uint8Array ? ValueForm.BYTES : ValueForm.ATTACHED_JSON;
}

function bytesOf(value: Exclude<EncodedValue, number>): readonly Uint8Array[] {
  if (value === undefined) return [];
  if (typeof value === 'string') return [Buffer.from(value)];
  if (value instanceof CodedValue) return [value.bytes];
  return value instanceof Uint8Array ? [value] : [value.head, ...value.pieces];
}

/** @returns the index of the body */
export function writeHeader(
  to: Buffer,
  at: number,
  type: number,
  flags: number,
  id: number,
  length: number,
): number {
  to[at] = type;
  to[at + 1] = flags;
  writeU32(to, at + 2, id);
  return writeU32(to, at + 6, length);
}
