import { N2NError } from '../n2n-error.js';
import {
  ACK_BODY_BYTES,
  EVENT_KEY_BYTES,
  FLAG_ACKNOWLEDGED,
  FLAG_DEADLINE,
  FLAG_METADATA,
  FLAG_MORE,
  FRAGMENT_PREFIX_BYTES,
  FRAME_HEADER_BYTES,
  GOAWAY_BODY_BYTES,
  MAX_METADATA_BYTES,
  MAX_PATTERN_BYTES,
  SESSION_ID,
  ValueForm,
  FrameType,
} from './frame.js';
import { MAX_INTEGER_BYTES, writeInteger } from './integer.js';
import { LongBody } from './long-body.js';
import { CodedValue, type EncodedValue } from './value.js';

/** A body longer than this travels as several frames, so that a large value never holds up a small call. */
export const FRAGMENT_BYTES = 64 * 1024;

/**
 * Frames gather in slabs of this size. A chunk never spans two slabs.
 *
 * Two fragments fit one slab. With 128 KiB sharp, the header of the second did not, and half of every slab was memory
 * for nothing: a server that echoes 1 MiB payloads has 31 % fewer page faults this way.
 */
export const SLAB_BYTES = 2 * (FRAME_HEADER_BYTES + FRAGMENT_PREFIX_BYTES + FRAGMENT_BYTES);

const FIRST_SLAB_BYTES = 4 * 1024;

/** A string of n UTF-16 units is at most 3 n bytes of UTF-8. */
const MAX_UTF8_PER_UNIT = 3;

/** The longest text that is surely short enough to be written straight into the slab, in UTF-16 units. */
const DIRECT_UNITS = Math.floor(FRAGMENT_BYTES / MAX_UTF8_PER_UNIT);

/** Likewise for a pattern, which stands in front of such a text. */
const DIRECT_PATTERN_UNITS = 1024;

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

const NOTHING = Buffer.alloc(0);

/**
 * Frames into chunks. Frames that are written before `take` is called leave together: that takes system calls, emitter
 * hops and promises from one a message to one a turn of the event loop.
 *
 * A slab is written once, front to back, and never again: chunks are views of it, owned by whoever took them. The first
 * one is small, because most connections are idle most of the time.
 */
export class ChunkWriter {
  private slab: Buffer = NOTHING;
  private start = 0;
  private end = 0;
  /** Chunks that are complete because the next frame no longer fitted the slab. */
  private full: Buffer[] = [];
  private fullBytes = 0;

  private maxPayload = 0;
  private directUnits = 0;

  /** @param maxPayload the longest value that may be written, in bytes */
  constructor(maxPayload: number) {
    this.limitPayload(maxPayload);
  }

  /** Sets the longest value that may be written from now on, in bytes. */
  limitPayload(maxPayload: number): void {
    this.maxPayload = maxPayload;
    this.directUnits = Math.min(DIRECT_UNITS, Math.floor(maxPayload / MAX_UTF8_PER_UNIT));
  }

  /** Bytes written and not taken yet. */
  get pendingBytes(): number {
    return this.fullBytes + this.end - this.start;
  }

  /** The next chunk, oldest first; undefined when nothing is written. */
  take(): Buffer | undefined {
    const next = this.full.shift();
    if (next !== undefined) {
      this.fullBytes -= next.length;
      return next;
    }
    if (this.end === this.start) return undefined;
    const chunk = this.slab.subarray(this.start, this.end);
    this.start = this.end;
    return chunk;
  }

  /** The frames that leave next, without taking them; empty when nothing is written. */
  peek(): Buffer {
    return this.full[0] ?? this.slab.subarray(this.start, this.end);
  }

  /** Takes as many bytes, whole frames, of what `peek` has shown. */
  skip(bytes: number): Buffer {
    const [first] = this.full;
    if (first === undefined) {
      this.start += bytes;
      return this.slab.subarray(this.start - bytes, this.start);
    }
    if (bytes === first.length) this.full.shift();
    else this.full[0] = first.subarray(bytes);
    this.fullBytes -= bytes;
    return first.subarray(0, bytes);
  }

  /** A frame without a body. */
  writeEmpty(type: FrameType, flags: number, id: number): void {
    this.reserve(FRAME_HEADER_BYTES);
    this.end = writeHeader(this.slab, this.end, type, flags, id, 0);
  }

  /**
   * A frame whose body is a value.
   * @returns the body when it is too long for one frame; nothing is written then, and it is for the caller to send it
   * @throws N2NError `PAYLOAD_TOO_LARGE`
   */
  writeValue(type: FrameType, flags: number, id: number, value: EncodedValue): LongBody | undefined {
    if (typeof value === 'number') {
      this.reserve(FRAME_HEADER_BYTES + MAX_INTEGER_BYTES);
      const length = writeInteger(this.slab, this.end + FRAME_HEADER_BYTES, value);
      this.end = writeHeader(this.slab, this.end, type, flags | ValueForm.ASCII_JSON, id, length) + length;
      return undefined;
    }
    if (typeof value === 'string' && value.length <= this.directUnits) {
      this.reserve(FRAME_HEADER_BYTES + value.length * MAX_UTF8_PER_UNIT);
      const body = this.end + FRAME_HEADER_BYTES;
      const length = this.slab.write(value, body);
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
   * @throws N2NError `PAYLOAD_TOO_LARGE` for a value or pattern over its limit; nothing is written then
   */
  writeRequest(
    type: FrameType,
    flags: number,
    id: number,
    head: RequestHead,
    encoded: EncodedValue,
  ): LongBody | undefined {
    const { pattern, metadata, remaining, key } = head;
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
    const front = requestFront(head);
    const allFlags =
      flags |
      formOf(value) |
      (remaining > 0 ? FLAG_DEADLINE : 0) |
      (metadata === undefined ? 0 : FLAG_METADATA) |
      (key === undefined ? 0 : FLAG_ACKNOWLEDGED);
    return this.writeBody(type, allFlags, id, bytesOf(value), front);
  }

  /** CREDIT: what the other side may send beyond what it was granted before. */
  writeCredit(id: number, items: number, bytes: number): void {
    this.reserve(FRAME_HEADER_BYTES + 8);
    const at = writeHeader(this.slab, this.end, FrameType.CREDIT, 0, id, 8);
    this.end = writeU32(this.slab, writeU32(this.slab, at, items), bytes);
  }

  /** ACK: everything up to this position of the session has been received. */
  writeAck(position: number): void {
    this.reserve(FRAME_HEADER_BYTES + ACK_BODY_BYTES);
    const at = writeHeader(this.slab, this.end, FrameType.ACK, 0, SESSION_ID, ACK_BODY_BYTES);
    this.end = writeU32(this.slab, writeU32(this.slab, at, Math.floor(position / 2 ** 32)), position);
  }

  /** GOAWAY: make no new calls here. @param retryAfter milliseconds */
  writeGoAway(flags: number, retryAfter: number): void {
    this.reserve(FRAME_HEADER_BYTES + GOAWAY_BODY_BYTES);
    const at = writeHeader(this.slab, this.end, FrameType.GOAWAY, flags, SESSION_ID, GOAWAY_BODY_BYTES);
    this.end = writeU32(this.slab, at, retryAfter);
  }

  /** The usual request, small and without metadata, straight into the slab: no buffer in between. */
  private writeDirectRequest(
    type: FrameType,
    extraFlags: number,
    id: number,
    pattern: string,
    remaining: number,
    value: string | undefined,
  ): void {
    const units = pattern.length + (value?.length ?? 0);
    this.reserve(FRAME_HEADER_BYTES + 6 + units * MAX_UTF8_PER_UNIT);
    const { slab } = this;
    const body = this.end + FRAME_HEADER_BYTES;
    const patternBytes = slab.write(pattern, body + 2);
    slab[body] = patternBytes >>> 8;
    slab[body + 1] = patternBytes;
    let at = body + 2 + patternBytes;
    let flags = extraFlags;
    if (remaining > 0) {
      flags |= FLAG_DEADLINE;
      at = writeU32(slab, at, remaining);
    }
    if (value !== undefined) {
      const length = slab.write(value, at);
      flags |= length === value.length ? ValueForm.ASCII_JSON : ValueForm.UTF8_JSON;
      at += length;
    }
    writeHeader(slab, this.end, type, flags, id, at - body);
    this.end = at;
  }

  /** Writes a body that fits one frame, and gives back one that does not. */
  private writeBody(
    type: FrameType,
    flags: number,
    id: number,
    parts: readonly Uint8Array[],
    front?: Buffer,
  ): LongBody | undefined {
    let length = 0;
    for (const part of parts) length += part.length;
    if (length > this.maxPayload) {
      throw new N2NError(
        'PAYLOAD_TOO_LARGE',
        `The value has ${length} bytes; the other side takes ${this.maxPayload}. Send less, or raise its maxPayload.`,
        { details: { length, maxPayload: this.maxPayload } },
      );
    }
    const body = front === undefined ? parts : [front, ...parts];
    const total = length + (front?.length ?? 0);
    if (total > FRAGMENT_BYTES) return new LongBody(type, flags, id, body, total);
    this.reserve(FRAME_HEADER_BYTES + total);
    this.end = writeHeader(this.slab, this.end, type, flags, id, total);
    for (const part of body) this.append(part);
    return undefined;
  }

  /** The next fragment of a long body. @returns its bytes */
  writeFragment(body: LongBody): number {
    const size = Math.min(FRAGMENT_BYTES, body.missing);
    const flags = size < body.missing ? body.flags | FLAG_MORE : body.flags;
    // The first fragment tells the length of the whole, so that it can be put together in place.
    const prefix = body.isBegun ? 0 : FRAGMENT_PREFIX_BYTES;
    this.reserve(FRAME_HEADER_BYTES + prefix + size);
    this.end = writeHeader(this.slab, this.end, body.type, flags, body.id, prefix + size);
    if (prefix > 0) this.end = writeU32(this.slab, this.end, body.missing);
    body.copy(size, this.slab, this.end);
    this.end += size;
    return prefix + size;
  }

  private append(part: Uint8Array): void {
    this.slab.set(part, this.end);
    this.end += part.length;
  }

  /** Makes sure that a frame of this size fits the slab, closing the chunk under way if it does not. */
  private reserve(bytes: number): void {
    if (this.end + bytes <= this.slab.length) return;
    if (this.end > this.start) {
      this.full.push(this.slab.subarray(this.start, this.end));
      this.fullBytes += this.end - this.start;
    }
    const size = this.slab.length === 0 ? FIRST_SLAB_BYTES : SLAB_BYTES;
    this.slab = Buffer.allocUnsafeSlow(Math.max(size, bytes));
    this.start = 0;
    this.end = 0;
  }
}

/** A chunk of one frame, for what is said outside a session's own chunks. */
export function frameChunk(type: FrameType, flags: number, id: number, body: Uint8Array): Buffer {
  const chunk = Buffer.alloc(FRAME_HEADER_BYTES + body.length);
  chunk.set(body, writeHeader(chunk, 0, type, flags, id, body.length));
  return chunk;
}

function requestFront(head: RequestHead): Buffer {
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

function writeHeader(
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

function writeU32(to: Buffer, at: number, value: number): number {
  to[at] = value >>> 24;
  to[at + 1] = value >>> 16;
  to[at + 2] = value >>> 8;
  to[at + 3] = value;
  return at + 4;
}
