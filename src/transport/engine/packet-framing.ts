import { messageOf, N2NError } from '../../n2n-error.js';
import { releaseMemory } from './release-memory.js';

/**
 * The format of Engine.IO packets on a raw stream: one byte for the type, four bytes for the length (unsigned, big-endian),
 * then the data. The data is UTF-8 text, or bytes if `BINARY` is set.
 */
export const PACKET_HEADER_BYTES = 5;

const BINARY = 0x80;

/** Engine.IO's packet types (protocol revision 4). The index is the number on the wire. */
const PACKET_TYPES = ['open', 'close', 'ping', 'pong', 'message', 'upgrade', 'noop'] as const;

export type PacketType = (typeof PACKET_TYPES)[number] | 'error';

export interface Packet {
  type: PacketType;
  options?: { compress?: boolean };
  /** Text, or bytes in one piece or in several. */
  data?: unknown;
}

const TYPE_BYTES: ReadonlyMap<string, number> = new Map(PACKET_TYPES.map((type, byte) => [type, byte]));

/**
 * Data of up to this many bytes is copied behind its header and written as one buffer. For longer data, the header and the data
 * are written in one gathered write, and the data is not copied.
 */
const COPY_LIMIT = 16 * 1024;

/**
 * Adds the buffers of a packet to `out`: one buffer, or a header and data.
 * @throws N2NError `PROTOCOL_ERROR` for a type that cannot be sent; `NOT_SERIALIZABLE` for a Blob, and for bytes whose memory was
 * transferred
 */
export function framePacket(packet: Packet, out: Buffer[]): void {
  const type = TYPE_BYTES.get(packet.type);
  if (type === undefined) {
    throw new N2NError('PROTOCOL_ERROR', `Engine.IO packets of type "${packet.type}" cannot be sent.`);
  }
  const data = onlyPieceOf(packet.data);
  if (data === undefined || data === null || typeof data === 'string') {
    out.push(frameText(type, data ?? ''));
    return;
  }
  if (Array.isArray(data)) {
    framePieces(type, data as readonly Buffer[], out);
    return;
  }
  const bytes = asBytes(data);
  if (bytes === undefined) {
    // As Engine.IO writes it.
    out.push(frameText(type, messageOf(data)));
    return;
  }
  if (bytes.length <= COPY_LIMIT) {
    const framed = Buffer.allocUnsafe(PACKET_HEADER_BYTES + bytes.length);
    writeHeader(framed, type | BINARY, bytes.length);
    framed.set(bytes, PACKET_HEADER_BYTES);
    out.push(framed);
    return;
  }
  const header = Buffer.allocUnsafe(PACKET_HEADER_BYTES);
  writeHeader(header, type | BINARY, bytes.length);
  out.push(header, bytes);
}

function onlyPieceOf(data: unknown): unknown {
  return Array.isArray(data) && data.length === 1 ? (data[0] as unknown) : data;
}

/** Frames data in several pieces. The first pieces usually have a few bytes. */
function framePieces(type: number, pieces: readonly Buffer[], out: Buffer[]): void {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  const header = Buffer.allocUnsafe(PACKET_HEADER_BYTES);
  writeHeader(header, type | BINARY, length);
  out.push(header, ...pieces);
}

function frameText(type: number, text: string): Buffer {
  const length = Buffer.byteLength(text);
  const framed = Buffer.allocUnsafe(PACKET_HEADER_BYTES + length);
  writeHeader(framed, type, length);
  framed.write(text, PACKET_HEADER_BYTES, 'utf8');
  return framed;
}

function writeHeader(target: Buffer, kind: number, length: number): void {
  target[0] = kind;
  target.writeUInt32BE(length, 1);
}

/** @returns undefined for values that are not bytes */
function asBytes(data: unknown): Buffer | undefined {
  if (Buffer.isBuffer(data)) return data;
  if (data instanceof Blob) {
    throw new N2NError(
      'NOT_SERIALIZABLE',
      'A Blob cannot be sent. Send its bytes: new Uint8Array(await blob.arrayBuffer()).',
    );
  }
  try {
    if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    if (data instanceof ArrayBuffer) return Buffer.from(data);
  } catch (error) {
    throw N2NError.from(error, 'NOT_SERIALIZABLE', 'The bytes cannot be sent');
  }
  return undefined;
}

/** The first allocation for a packet that spans several reads; see `PacketReader.collect`. */
const FIRST_ALLOCATION = 256 * 1024;

const NOTHING = Buffer.alloc(0);

/**
 * Reads Engine.IO packets from the bytes of a raw stream. The bytes may be split at any place, and the time is linear in them.
 *
 * Data within one read is passed on without a copy. A declared length over `maxBytes` is refused before memory is allocated for
 * it. The memory of an incomplete packet is at most four times the received bytes (from `FIRST_ALLOCATION` on). So a sender
 * cannot make the reader allocate memory by a declared length alone.
 */
export class PacketReader {
  private readonly header = Buffer.alloc(PACKET_HEADER_BYTES);
  private headerFilled = 0;
  private kind = 0;
  private length = 0;
  private body = NOTHING;
  private bodyFilled = 0;
  /** Whether the data of a packet is a view of the current read. */
  private isHandedOn = false;

  /**
   * @param maxBytes the longest data of one packet, in bytes
   * @param onPacket called with each packet; may call `stop`
   */
  constructor(
    private readonly maxBytes: number,
    private readonly onPacket: (packet: Packet) => void,
  ) {}

  /**
   * @param bytes one read of the stream
   * @returns whether there is no view of the read, so that its memory may be released
   * @throws N2NError `PAYLOAD_TOO_LARGE` or `PROTOCOL_ERROR`. The stream cannot be read any further then.
   */
  read(bytes: Buffer): boolean {
    let at = 0;
    this.isHandedOn = false;
    while (at < bytes.length) {
      if (this.headerFilled < PACKET_HEADER_BYTES) {
        at = this.readHeader(bytes, at);
        // Either the rest of the header is in the next read, or the packet has no data and is complete.
        if (this.headerFilled < PACKET_HEADER_BYTES) continue;
      }
      const missing = this.length - this.bodyFilled;
      if (this.bodyFilled === 0 && bytes.length - at >= missing) {
        this.isHandedOn ||= (this.kind & BINARY) !== 0;
        this.finish(bytes.subarray(at, at + missing));
        at += missing;
      } else {
        at = this.collect(bytes, at, missing);
      }
    }
    return !this.isHandedOn;
  }

  private readHeader(bytes: Buffer, from: number): number {
    let at = from;
    if (this.headerFilled === 0 && bytes.length - at >= PACKET_HEADER_BYTES) {
      this.accept(bytes[at], bytes.readUInt32BE(at + 1));
      return at + PACKET_HEADER_BYTES;
    }
    while (at < bytes.length && this.headerFilled < PACKET_HEADER_BYTES) {
      this.header[this.headerFilled++] = bytes[at++];
    }
    if (this.headerFilled === PACKET_HEADER_BYTES) this.accept(this.header[0], this.header.readUInt32BE(1));
    return at;
  }

  private accept(kind: number, length: number): void {
    this.headerFilled = PACKET_HEADER_BYTES;
    const binary = (kind & BINARY) !== 0;
    const type = PACKET_TYPES[kind & ~BINARY];
    if (type === undefined || (binary && type !== 'message')) {
      throw new N2NError('PROTOCOL_ERROR', `Unknown packet type 0x${kind.toString(16)} on the stream.`);
    }
    if (length > this.maxBytes) {
      throw new N2NError(
        'PAYLOAD_TOO_LARGE',
        `A packet of ${length} bytes; at most ${this.maxBytes} are taken.`,
        {
          details: { length, maxBytes: this.maxBytes },
        },
      );
    }
    this.kind = kind;
    this.length = length;
    if (length === 0) this.finish(NOTHING);
  }

  /** Copies the bytes into the packet's own memory, which grows with the received bytes, not with the declared length. */
  private collect(bytes: Buffer, from: number, missing: number): number {
    const taken = Math.min(missing, bytes.length - from);
    const needed = this.bodyFilled + taken;
    if (needed > this.body.length) {
      const grown = Math.min(this.length, Math.max(FIRST_ALLOCATION, this.body.length * 4, needed));
      const larger = Buffer.allocUnsafeSlow(grown);
      this.body.copy(larger, 0, 0, this.bodyFilled);
      releaseMemory(this.body);
      this.body = larger;
    }
    bytes.copy(this.body, this.bodyFilled, from, from + taken);
    this.bodyFilled = needed;
    if (needed === this.length) this.finish(this.body.subarray(0, needed));
    return from + taken;
  }

  private finish(data: Buffer): void {
    const { kind } = this;
    this.headerFilled = 0;
    this.body = NOTHING;
    this.bodyFilled = 0;
    const type = PACKET_TYPES[kind & ~BINARY];
    if ((kind & BINARY) !== 0) this.onPacket({ type, data });
    else if (data.length === 0) this.onPacket({ type });
    else this.onPacket({ type, data: data.toString('utf8') });
  }
}
