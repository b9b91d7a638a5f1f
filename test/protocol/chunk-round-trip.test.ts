import { describe, expect, test } from 'vitest';
import { FRAGMENT_BYTES, MAX_WHOLE_BODY_BYTES } from '../../src/limits.js';
import type { Chunk } from '../../src/protocol/frames/chunk.js';
import { ChunkWriter } from '../../src/protocol/frames/chunk-writer.js';
import { SLAB_BYTES } from '../../src/protocol/buffers/slab-pool.js';
import { readChunk } from '../../src/protocol/frames/chunk-reader.js';
import {
  FLAG_MORE,
  FRAGMENT_PREFIX_BYTES,
  FRAME_HEADER_BYTES,
  FrameType,
  VALUE_FORM_MASK,
  ValueForm,
} from '../../src/protocol/frames/frame.js';
import { Reassembly } from '../../src/protocol/frames/reassembly.js';
import { decodeValue, encodeValue } from '../../src/protocol/values/value.js';
import { PACKET_HEADER_BYTES } from '../../src/transport/engine/packet-framing.js';
import { framesOf } from '../support/fake-link.js';
import { writeLong } from '../support/frames.js';
import { runSeed, seededRandom } from '../support/random.js';

const UNLIMITED = Number.MAX_SAFE_INTEGER;

function takeAll(writer: ChunkWriter): Buffer[] {
  const chunks: Buffer[] = [];
  for (let chunk = writer.take(); chunk !== undefined; chunk = writer.take()) {
    chunks.push(Buffer.concat(chunk.pieces));
  }
  return chunks;
}

/** The values in chunks of NEXT frames, with the ids they came under, fragments put together. */
function valuesOf(chunks: Buffer[]): [number, unknown][] {
  const values: [number, unknown][] = [];
  const reassembly = new Reassembly(UNLIMITED, UNLIMITED);
  const handler = {
    onFrame(type: number, flags: number, id: number, chunk: Buffer, from: number, to: number): void {
      expect(type).toBe(FrameType.NEXT);
      const form = flags & VALUE_FORM_MASK;
      if ((flags & FLAG_MORE) === 0 && !reassembly.isUnderWay(type, id)) {
        values.push([id, decodeValue(form, chunk, from, to)]);
        return;
      }
      const whole = reassembly.add(type, id, chunk.subarray(from, to), (flags & FLAG_MORE) === 0);
      if (whole !== undefined) values.push([id, decodeValue(form, whole, 0, whole.length)]);
    },
  };
  for (const chunk of chunks) readChunk(chunk, handler);
  expect(reassembly.isEmpty).toBe(true);
  return values;
}

function roundTrip(value: unknown): unknown {
  const writer = new ChunkWriter(UNLIMITED);
  writeLong(writer, writer.writeValue(FrameType.NEXT, 0, 7, encodeValue(value)));
  const values = valuesOf(takeAll(writer));
  expect(values).toHaveLength(1);
  expect(values[0]?.[0]).toBe(7);
  return values[0]?.[1];
}

describe('values', () => {
  test.each([
    ['undefined', undefined],
    ['null', null],
    ['false', false],
    ['zero', 0],
    ['an empty text', ''],
    ['ASCII', 'to be or not to be'],
    ['two bytes a character', 'naïve café'],
    ['three bytes a character', '犬が走る'],
    ['four bytes a character', '🦊🦊'],
    ['half a surrogate pair', '\ud83e'],
    ['NUL and DEL', '\0\x7f'],
    ['nested', { a: [1, { b: [null, 'x'] }], c: {} }],
    ['__proto__ as a key of its own', JSON.parse('{"__proto__": {"a": 1}}') as unknown],
    ['bytes', Buffer.from([0, 255, 128])],
    ['no bytes', Buffer.alloc(0)],
    ['bytes in an object', { file: Buffer.from('abc'), name: 'a' }],
    ['bytes in a list', [Buffer.from('a'), [Buffer.from('b')], 'c']],
    ['bytes beside null', { a: null, b: Buffer.from('b'), c: [null] }],
    ['bytes under __proto__', Object.fromEntries([['__proto__', Buffer.from('p')]])],
  ])('%s', (_name, value) => {
    expect(roundTrip(value)).toStrictEqual(value);
  });

  test('a Uint8Array arrives as a Buffer of the same bytes', () => {
    expect(roundTrip(new Uint8Array([1, 2]))).toStrictEqual(Buffer.from([1, 2]));
  });

  test('boxed values beside bytes are what JSON makes of them elsewhere', () => {
    // oxlint-disable-next-line no-new-wrappers, unicorn/new-for-builtins -- they are what is tested
    const boxed = { n: new Number(5), s: new String('ab'), t: new Boolean(true) };
    const bytes = Buffer.from('x');
    expect(roundTrip({ ...boxed, bytes })).toStrictEqual({ ...(roundTrip(boxed) as object), bytes });
  });

  test('text is marked as ASCII just when every character is one byte', () => {
    const writer = new ChunkWriter(UNLIMITED);
    for (const text of ['"a"', '"é"']) writer.writeValue(FrameType.NEXT, 0, 1, text);
    const forms = takeAll(writer)
      .flatMap(framesOf)
      .map(({ flags }) => flags & VALUE_FORM_MASK);
    expect(forms).toEqual([ValueForm.ASCII_JSON, ValueForm.UTF8_JSON]);
  });
});

describe('lengths around every boundary', () => {
  const third = Math.floor(FRAGMENT_BYTES / 3);
  const lengths = [
    third,
    FRAGMENT_BYTES,
    MAX_WHOLE_BODY_BYTES,
    2 * FRAGMENT_BYTES,
    SLAB_BYTES,
    3 * SLAB_BYTES,
  ].flatMap((length) => [-20, -12, -11, -10, -3, -2, -1, 0, 1, 2, 10].map((offset) => length + offset));

  test.each([
    ['ASCII text', (length: number) => 'a'.repeat(length)],
    ['text of three bytes a character', (length: number) => '犬'.repeat(length)],
    ['bytes', (length: number) => Buffer.alloc(length, 'b')],
    ['nested bytes', (length: number) => ({ a: Buffer.alloc(length, 'c'), b: [Buffer.alloc(3, 'd')] })],
  ])('%s', (_name, make) => {
    for (const length of lengths) {
      const value = make(length);
      // `toStrictEqual` of long buffers takes seconds; this says the same.
      expect(encodedEqual(roundTrip(value), value), `length ${length}`).toBe(true);
    }
  });

  test('a fragment is a chunk of its own, which fills a read of 64 KiB as a packet', () => {
    const writer = new ChunkWriter(UNLIMITED);
    const length = 5 * FRAGMENT_BYTES + 1;
    writer.writeEmpty(FrameType.CANCEL, 0, 3);
    writeLong(writer, writer.writeValue(FrameType.NEXT, 0, 1, Buffer.alloc(length)));
    const [before, ...chunks] = takeAll(writer);
    expect(before).toHaveLength(FRAME_HEADER_BYTES);
    const frames = chunks.flatMap(framesOf);
    expect(frames).toHaveLength(chunks.length);
    const whole = chunks.slice(0, -1);
    expect(whole.map((chunk) => PACKET_HEADER_BYTES + chunk.length)).toEqual(whole.map(() => 64 * 1024));
    // The first one has the length of the whole in front.
    expect(frames[0]?.body.readUInt32BE(0)).toBe(length);
    expect(frames.reduce((sum, { body }) => sum + body.length, 0)).toBe(FRAGMENT_PREFIX_BYTES + length);
    expect(frames.map(({ flags }) => (flags & FLAG_MORE) !== 0)).toEqual([
      ...frames.slice(1).map(() => true),
      false,
    ]);
  });
});

function encodedEqual(left: unknown, right: unknown): boolean {
  if (left instanceof Uint8Array && right instanceof Uint8Array) return Buffer.from(left).equals(right);
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null)
    return left === right;
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => encodedEqual((left as never)[key], (right as never)[key]))
  );
}

test('a body that is too long for one frame is given back, and nothing of it is written', () => {
  const writer = new ChunkWriter(UNLIMITED);
  expect(writer.writeValue(FrameType.NEXT, 0, 1, Buffer.alloc(MAX_WHOLE_BODY_BYTES))).toBeUndefined();
  const written = writer.pendingBytes;
  const long = writer.writeValue(FrameType.NEXT, 0, 1, Buffer.alloc(MAX_WHOLE_BODY_BYTES + 1));
  expect([long?.missing, long?.isBegun, writer.pendingBytes]).toEqual([
    MAX_WHOLE_BODY_BYTES + 1,
    false,
    written,
  ]);
});

test('frames written in one turn gather in chunks, in order, each whole', () => {
  const writer = new ChunkWriter(UNLIMITED);
  const texts = Array.from({ length: 5000 }, (_, index) => `${index} ${'x'.repeat(index % 97)}`);
  texts.forEach((text, index) => writer.writeValue(FrameType.NEXT, 0, index + 1, JSON.stringify(text)));
  const pending = writer.pendingBytes;
  const chunks = takeAll(writer);
  expect(chunks.length).toBeLessThan(20);
  expect(chunks.reduce((sum, chunk) => sum + chunk.length, 0)).toBe(pending);
  expect(writer.pendingBytes).toBe(0);
  expect(valuesOf(chunks)).toEqual(texts.map((text, index) => [index + 1, text]));
});

test('a chunk that was taken is not written to again, by its writer or another', () => {
  const writers = [new ChunkWriter(UNLIMITED), new ChunkWriter(UNLIMITED)];
  const taken: { chunk: Chunk; copy: Buffer }[] = [];
  for (let index = 0; index < 20_000; index++) {
    const writer = writers[index % 2];
    writer?.writeValue(FrameType.NEXT, 0, index, `"${index}"`);
    const chunk = index % 3 === 0 ? writer?.take() : undefined;
    if (chunk !== undefined) taken.push({ chunk, copy: Buffer.concat(chunk.pieces) });
  }
  expect(taken.length).toBeGreaterThan(5000);
  expect(taken.every(({ chunk, copy }) => Buffer.concat(chunk.pieces).equals(copy))).toBe(true);
});

test('writers whose chunks are taken share their memory', () => {
  const [one, other] = [new ChunkWriter(UNLIMITED), new ChunkWriter(UNLIMITED)];
  const write = (writer: ChunkWriter): ArrayBufferLike | undefined => {
    writer.writeEmpty(FrameType.CANCEL, 0, 1);
    return writer.take()?.pieces[0]?.buffer;
  };
  expect(write(one)).toBe(write(other));
});

test('long bytes leave from where they are, between frames that are whole', () => {
  const writer = new ChunkWriter(UNLIMITED);
  const long = Buffer.alloc(20_000, 'l');
  writer.writeEmpty(FrameType.CANCEL, 0, 3);
  writer.writeValue(FrameType.NEXT, 0, 5, long);
  writer.writeEmpty(FrameType.CANCEL, 0, 7);
  const [first, second] = [writer.take(), writer.take()];
  expect(first?.pieces[1]?.buffer).toBe(long.buffer);
  expect(writer.take()).toBeUndefined();
  const frames = [first, second].flatMap((chunk) => framesOf(Buffer.concat(chunk?.pieces ?? [])));
  expect(frames.map(({ id, body }) => [id, body.length])).toEqual([
    [3, 0],
    [5, 20_000],
    [7, 0],
  ]);
});

test('what any mix of writes and takes gives is what was written', () => {
  const random = seededRandom(runSeed());
  const writer = new ChunkWriter(UNLIMITED);
  const expected: [number, unknown][] = [];
  const chunks: Buffer[] = [];
  for (let id = 1; id <= 3000; id++) {
    const length = Math.floor(random() ** 6 * 3 * FRAGMENT_BYTES);
    const kind = Math.floor(random() * 3);
    const value = kind === 0 ? 'a'.repeat(length) : kind === 1 ? 'é'.repeat(length) : { text: '犬', length };
    expected.push([id, value]);
    writeLong(writer, writer.writeValue(FrameType.NEXT, 0, id, encodeValue(value)));
    if (random() < 0.1) chunks.push(...takeAll(writer));
  }
  chunks.push(...takeAll(writer));
  expect(valuesOf(chunks)).toEqual(expected);
});

test('a value that changes slabs twice in pieces does not tear the frames around it', () => {
  const writer = new ChunkWriter(UNLIMITED);
  writer.writeEmpty(FrameType.COMPLETE, 0, 1);
  const value = encodeValue({ a: Buffer.alloc(SLAB_BYTES, 1), b: Buffer.alloc(9, 2) });
  writeLong(writer, writer.writeValue(FrameType.NEXT, 0, 3, value));
  writer.writeEmpty(FrameType.CANCEL, 0, 5);
  const frames = takeAll(writer).flatMap(framesOf);
  expect(frames[0]).toMatchObject({ type: FrameType.COMPLETE, id: 1 });
  expect(frames.at(-1)).toMatchObject({ type: FrameType.CANCEL, id: 5 });
});
