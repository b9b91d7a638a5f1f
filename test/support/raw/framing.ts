import { randomBytes } from 'node:crypto';

/** Engine.IO's packet types, as they stand on the wire. */
export const PacketKind = { OPEN: 0, CLOSE: 1, PING: 2, PONG: 3, MESSAGE: 4 } as const;

/** A packet: text as a string, bytes as a Buffer. */
export interface RawPacket {
  readonly kind: number;
  readonly data: string | Buffer;
}

/** How packets stand on a stream. Written here anew, from the documents, and not with the code under test. */
export interface Framing {
  readonly name: 'nodeTransport' | 'websocket';
  write(packet: RawPacket): Buffer;
  /** The packets that are whole with these bytes. */
  read(bytes: Buffer): RawPacket[];
}

export function nodeFraming(): Framing {
  let rest = Buffer.alloc(0);
  return {
    name: 'nodeTransport',
    write: ({ kind, data }) => {
      const body = Buffer.from(data as string);
      const header = Buffer.alloc(5);
      header[0] = typeof data === 'string' ? kind : kind | 0x80;
      header.writeUInt32BE(body.length, 1);
      return Buffer.concat([header, body]);
    },
    read: (bytes) => {
      rest = Buffer.concat([rest, bytes]);
      const packets: RawPacket[] = [];
      while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
        const end = 5 + rest.readUInt32BE(1);
        const data = rest.subarray(5, end);
        const kind = rest.readUInt8(0);
        packets.push({ kind: kind & 0x7f, data: (kind & 0x80) === 0 ? String(data) : data });
        rest = rest.subarray(end);
      }
      return packets;
    },
  };
}

/** RFC 6455, as far as Engine.IO uses it: whole messages, text with the packet's type in front, or bytes. */
export function webSocketFraming(isClient: boolean): Framing {
  let rest = Buffer.alloc(0);
  let message: Buffer[] = [];
  let opcode = 0;
  return {
    name: 'websocket',
    write: ({ kind, data }) =>
      typeof data === 'string'
        ? webSocketFrame(1, Buffer.from(`${kind}${data}`), isClient)
        : webSocketFrame(2, data, isClient),
    read: (bytes) => {
      rest = Buffer.concat([rest, bytes]);
      const packets: RawPacket[] = [];
      for (;;) {
        const next = readFrame(rest);
        if (next === undefined) return packets;
        rest = rest.subarray(next.end);
        if (next.opcode === 8) packets.push({ kind: PacketKind.CLOSE, data: '' });
        if (next.opcode >= 8) continue;
        if (next.opcode > 0) opcode = next.opcode;
        message.push(next.data);
        if (!next.isLast) continue;
        const whole = Buffer.concat(message);
        message = [];
        if (opcode === 1) packets.push({ kind: whole.readUInt8(0) - 48, data: String(whole.subarray(1)) });
        else packets.push({ kind: PacketKind.MESSAGE, data: whole });
      }
    },
  };
}

function webSocketFrame(opcode: number, data: Buffer, masked: boolean): Buffer {
  const header = Buffer.alloc(data.length < 126 ? 2 : data.length < 65_536 ? 4 : 10);
  header[0] = 0x80 | opcode;
  header[1] = data.length < 126 ? data.length : data.length < 65_536 ? 126 : 127;
  if (header.length === 4) header.writeUInt16BE(data.length, 2);
  if (header.length === 10) header.writeBigUInt64BE(BigInt(data.length), 2);
  if (!masked) return Buffer.concat([header, data]);
  header[1] = header.readUInt8(1) | 0x80;
  const mask = randomBytes(4);
  return Buffer.concat([header, mask, unmask(data, mask)]);
}

interface WebSocketFrame {
  readonly isLast: boolean;
  readonly opcode: number;
  readonly data: Buffer;
  readonly end: number;
}

function readFrame(bytes: Buffer): WebSocketFrame | undefined {
  if (bytes.length < 2) return undefined;
  const [first, second] = [bytes.readUInt8(0), bytes.readUInt8(1)];
  const short = second & 0x7f;
  let at = short === 126 ? 4 : short === 127 ? 10 : 2;
  const isMasked = (second & 0x80) !== 0;
  if (bytes.length < at + (isMasked ? 4 : 0)) return undefined;
  const length =
    short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
  const mask = isMasked ? bytes.subarray(at, at + 4) : undefined;
  if (mask !== undefined) at += 4;
  if (bytes.length < at + length) return undefined;
  const data = bytes.subarray(at, at + length);
  return {
    isLast: (first & 0x80) !== 0,
    opcode: first & 0x0f,
    data: mask === undefined ? data : unmask(data, mask),
    end: at + length,
  };
}

function unmask(data: Buffer, mask: Buffer): Buffer {
  return Buffer.from(data.map((byte, index) => byte ^ mask.readUInt8(index % 4)));
}
