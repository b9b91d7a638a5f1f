import { createHash, randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  framePacket,
  PACKET_HEADER_BYTES,
  PacketReader,
  type Packet,
} from '../../../src/transport/engine/packet-framing.js';
import { N2NError } from '../../../src/n2n-error.js';
import { releaseMemory } from '../../../src/transport/engine/release-memory.js';

const MEBIBYTE = 1024 * 1024;

function framed(...packets: Packet[]): Buffer {
  const out: Buffer[] = [];
  for (const packet of packets) framePacket(packet, out);
  return Buffer.concat(out);
}

/** Reads the bytes in slices of the sizes that `size` gives. */
function readSliced(bytes: Buffer, size: () => number, maxBytes = 64 * MEBIBYTE): Packet[] {
  const packets: Packet[] = [];
  const reader = new PacketReader(maxBytes, (packet) => packets.push(packet));
  for (let at = 0; at < bytes.length;) {
    const taken = Math.max(1, size());
    // A copy, as every read of a socket has bytes of its own.
    reader.read(Buffer.from(bytes.subarray(at, at + taken)));
    at += taken;
  }
  return packets;
}

function header(kind: number, length: number): Buffer {
  const bytes = Buffer.alloc(PACKET_HEADER_BYTES);
  bytes[0] = kind;
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

/** Packets as they can be compared quickly: long data by its digest. */
function shapes(packets: readonly Packet[]): object[] {
  return packets.map(({ data, ...rest }) => {
    if (data === undefined) return rest;
    const bytes = Buffer.isBuffer(data) ? data : Buffer.from(data as string);
    const digest = createHash('sha1').update(bytes).digest('hex');
    return { ...rest, binary: Buffer.isBuffer(data), length: bytes.length, digest };
  });
}

/** A small generator of numbers from 0 to 1, the same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const EVERY_KIND: Packet[] = [
  { type: 'open', data: '{"sid":"x"}' },
  { type: 'close' },
  { type: 'ping' },
  { type: 'pong' },
  { type: 'ping', data: 'probe' },
  { type: 'message', data: '2["hello",1]' },
  { type: 'message' },
  { type: 'upgrade' },
  { type: 'noop' },
  { type: 'message', data: Buffer.alloc(0) },
  { type: 'message', data: Buffer.from([0, 255, 128]) },
  { type: 'message', data: 'grüße 日本 🦊 \u0000 \uFEFF' },
  { type: 'message', data: 'x'.repeat(70_000) },
  { type: 'message', data: randomBytes(16 * 1024) },
  { type: 'message', data: randomBytes(16 * 1024 + 1) },
  { type: 'message', data: randomBytes(600_000) },
  { type: 'ping' },
];

describe('a packet comes out as it went in', () => {
  it('whole, of every kind', () => {
    const bytes = framed(...EVERY_KIND);
    expect(shapes(readSliced(bytes, () => bytes.length))).toEqual(shapes(EVERY_KIND));
  });

  it('byte by byte', () => {
    expect(shapes(readSliced(framed(...EVERY_KIND), () => 1))).toEqual(shapes(EVERY_KIND));
  });

  it.each([2, 3, 4, 5, 6, 7, 1_000, 65_536])('in slices of %i bytes', (size) => {
    expect(shapes(readSliced(framed(...EVERY_KIND), () => size))).toEqual(shapes(EVERY_KIND));
  });

  it('in slices of every size', () => {
    const seed = Number(process.env['SEED'] ?? randomBytes(4).readUInt32BE());
    const random = randomFrom(seed);
    const bytes = framed(...EVERY_KIND);
    for (let round = 0; round < 50; round += 1) {
      const most = 10 ** (1 + random() * 5);
      expect(
        shapes(readSliced(bytes, () => Math.ceil(random() * most))),
        `SEED=${seed} shows it again`,
      ).toEqual(shapes(EVERY_KIND));
    }
  });

  it('split in two at every byte of a stream of small packets', () => {
    const packets = EVERY_KIND.filter(
      ({ data }) => ((data as string | Buffer | undefined)?.length ?? 0) < 100,
    );
    const bytes = framed(...packets);
    for (let at = 1; at < bytes.length; at += 1) {
      const sizes = [at, bytes.length];
      expect(readSliced(bytes, () => sizes.shift() ?? 1)).toEqual(packets);
    }
  });

  it('without data, before others in one read', () => {
    const packets: Packet[] = [{ type: 'ping' }, { type: 'noop' }, { type: 'message', data: 'after' }];
    expect(readSliced(framed(...packets), () => 1_000)).toEqual(packets);
  });

  it('100 000 times in one read, with no recursion', () => {
    const one = framed({ type: 'message', data: 'x' });
    const bytes = Buffer.concat(Array.from({ length: 100_000 }, () => one));
    expect(readSliced(bytes, () => bytes.length)).toHaveLength(100_000);
  });
});

describe('what packets hold', () => {
  it.each<[string, unknown, unknown]>([
    ['null', null, undefined],
    ['the empty text', '', undefined],
    ['half of a surrogate pair, which UTF-8 cannot hold', 'a\uD83Eb', 'a\uFFFDb'],
    ['a Uint8Array', Uint8Array.from([1, 2]), Buffer.from([1, 2])],
    ['a part of an ArrayBuffer', new Uint8Array(Uint8Array.from([1, 2, 3]).buffer, 1, 1), Buffer.from([2])],
    ['an ArrayBuffer', Uint8Array.from([1, 2]).buffer, Buffer.from([1, 2])],
    ['a DataView', new DataView(Uint8Array.from([1, 2, 3]).buffer, 1), Buffer.from([2, 3])],
  ])('%s', (_case, data, read) => {
    const [packet] = readSliced(framed({ type: 'message', data }), () => 3);
    expect(packet.data).toEqual(read);
    expect('data' in packet).toBe(read !== undefined);
  });

  it('bytes that are not UTF-8 in a text are replaced, as everywhere', () => {
    const [packet] = readSliced(Buffer.concat([header(4, 2), Buffer.from([0xc3, 0x28])]), () => 9);
    expect(packet.data).toBe('\uFFFD(');
  });

  it('a packet of no type, or of a Blob, is not written', () => {
    const refused = (code: string) => expect.objectContaining({ code });
    expect(() => framed({ type: 'error' })).toThrow(refused('PROTOCOL_ERROR'));
    expect(() => framed({ type: 'message', data: new Blob(['x']) })).toThrow(refused('NOT_SERIALIZABLE'));
  });

  it('something else than text and bytes is the text that Engine.IO makes of it', () => {
    expect(framed({ type: 'message', data: 7 })).toEqual(framed({ type: 'message', data: '7' }));
  });

  it('large data is not copied on its way out, small data goes with its header', () => {
    const out: Buffer[] = [];
    const large = Buffer.alloc(16 * 1024 + 1);
    framePacket({ type: 'message', data: large }, out);
    expect(out).toHaveLength(2);
    expect(out[1]).toBe(large);
    framePacket({ type: 'message', data: Buffer.alloc(16 * 1024) }, out);
    expect(out).toHaveLength(3);
  });

  it('data within one read is handed on without a copy', () => {
    const bytes = framed({ type: 'message', data: Buffer.alloc(1_000) });
    let data: unknown;
    new PacketReader(1_000, (packet) => (data = packet.data)).read(bytes);
    expect((data as Buffer).buffer).toBe(bytes.buffer);
  });
});

const refusal = (bytes: Buffer, size = bytes.length, maxBytes = 1_000): N2NError => {
  try {
    readSliced(bytes, () => size, maxBytes);
  } catch (error) {
    return N2NError.from(error, 'CLOSED', 'not refused by the reader');
  }
  throw new Error('It was read.');
};

describe('what cannot be read', () => {
  it('takes data of the limit', () => {
    expect(readSliced(framed({ type: 'message', data: Buffer.alloc(1_000) }), () => 7, 1_000)).toHaveLength(
      1,
    );
  });

  it.each([1_001, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1])(
    'refuses a declared length of %i, with its header',
    (length) => {
      for (const size of [1, 5]) {
        const error = refusal(header(4, length), size);
        expect(error.code).toBe('PAYLOAD_TOO_LARGE');
        expect(error.message).toBe(`A packet of ${length} bytes; at most 1000 are taken.`);
      }
    },
  );

  it.each([7, 8, 64, 0x7f, 0x80, 0x82, 0x83, 0x87, 0xff])('refuses the packet type %i', (kind) => {
    const error = refusal(header(kind, 0));
    expect(error.code).toBe('PROTOCOL_ERROR');
    expect(error.message).toContain(`0x${kind.toString(16)}`);
  });
});

/** The sizes that are allocated while `task` runs, by any of the ways in which Node makes a Buffer. */
function allocations(task: (sizes: readonly number[]) => void): number[] {
  const sizes: number[] = [];
  for (const way of ['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const) {
    const make = Buffer[way].bind(Buffer);
    vi.spyOn(Buffer, way).mockImplementation((size: number) => {
      sizes.push(size);
      return make(size);
    });
  }
  const concat = vi.spyOn(Buffer, 'concat');
  const from = vi.spyOn(Buffer, 'from');
  const cut = vi.spyOn(Buffer.prototype, 'subarray');
  task(sizes);
  expect(concat).not.toHaveBeenCalled();
  expect(from).not.toHaveBeenCalled();
  // The finished packet's own.
  expect(cut.mock.calls.length).toBeLessThanOrEqual(1);
  vi.restoreAllMocks();
  return sizes;
}

describe('the memory for a packet that comes in pieces', () => {
  afterEach(() => vi.restoreAllMocks());

  it('is a handful of pieces for 1 MiB that comes byte by byte, and nothing a slice', () => {
    const slice = Buffer.alloc(1, 7);
    const start = header(0x84, MEBIBYTE);
    let read = 0;
    const reader = new PacketReader(MEBIBYTE, ({ data }) => (read = (data as Buffer).length));
    const sizes = allocations(() => {
      reader.read(start);
      for (let at = 0; at < MEBIBYTE; at += 1) reader.read(slice);
    });
    expect(read).toBe(MEBIBYTE);
    expect(sizes).toEqual([256 * 1024, MEBIBYTE]);
  });

  it('is never more than four times what came, or the first 256 KiB, whatever was declared', () => {
    const declared = 64 * MEBIBYTE;
    const slice = Buffer.alloc(10_007, 7);
    const reader = new PacketReader(declared, () => {});
    const sizes = allocations((soFar) => {
      reader.read(header(0x84, declared));
      expect(soFar).toEqual([PACKET_HEADER_BYTES]);
      for (let came = slice.length; came < declared; came += slice.length) {
        reader.read(slice);
        const held = soFar.at(-1) ?? 0;
        if (held > Math.max(256 * 1024, came * 4)) expect.fail(`${held} bytes held for ${came}`);
      }
    });
    expect(sizes.length).toBeLessThan(10);
  });

  it('is none for a length that is refused, and none for one that is only declared', () => {
    const bad = header(0x84, 2 ** 32 - 1);
    const good = header(0x84, MEBIBYTE);
    expect(
      allocations(() => {
        const reader = new PacketReader(MEBIBYTE, () => {});
        reader.read(good);
        expect(() => new PacketReader(MEBIBYTE, () => {}).read(bad)).toThrow();
      }),
    ).toEqual([PACKET_HEADER_BYTES, PACKET_HEADER_BYTES]);
  });

  it('is let go of with the packet', () => {
    const packets: Packet[] = [];
    const reader = new PacketReader(MEBIBYTE, (packet) => packets.push(packet));
    const bytes = framed(
      { type: 'message', data: Buffer.alloc(MEBIBYTE, 1) },
      { type: 'message', data: Buffer.alloc(3, 2) },
    );
    for (let at = 0; at < bytes.length; at += 1_000) reader.read(bytes.subarray(at, at + 1_000));
    const [first, second] = packets.map(({ data }) => data as Buffer);
    expect(first.every((byte) => byte === 1)).toBe(true);
    expect([...second]).toEqual([2, 2, 2]);
    expect(second.buffer).not.toBe(first.buffer);
  });
});

describe('of a read whose packets', () => {
  const text = framed({ type: 'message', data: 'x'.repeat(100) });
  const binary = framed({ type: 'message', data: Buffer.alloc(100) });

  it.each([
    ['are texts, nobody has a view', [text, text], [true, true]],
    ['are bytes, somebody has one', [binary], [false]],
    ['are bytes and texts, somebody has one', [Buffer.concat([text, binary, text])], [false]],
    [
      'are bytes that were put together, nobody has one',
      [binary.subarray(0, 50), binary.subarray(50)],
      [true, true],
    ],
    ['are bytes is a thing of that read alone', [binary, text], [false, true]],
  ])('%s', (_name, reads, released) => {
    const reader = new PacketReader(MEBIBYTE, () => {});
    expect(reads.map((bytes) => reader.read(bytes))).toEqual(released);
  });

  it('was released by whoever took a packet, the rest is read all the same', () => {
    const long = framed({ type: 'message', data: Buffer.alloc(65_531) });
    expect(long.byteLength).toBe(long.buffer.byteLength);
    const packets: number[] = [];
    const reader = new PacketReader(MEBIBYTE, ({ data }) => {
      packets.push((data as Buffer).length);
      releaseMemory(data as Buffer);
    });
    reader.read(long);
    reader.read(Buffer.concat([binary, text.subarray(0, 3)]));
    expect([packets, long.length]).toEqual([[65_531, 100], 0]);
  });
});
