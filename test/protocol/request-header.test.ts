import { describe, expect, test } from 'vitest';
import { FRAGMENT_BYTES, MAX_METADATA_BYTES, MAX_PATTERN_BYTES } from '../../src/limits.js';
import { ChunkWriter } from '../../src/protocol/frames/chunk-writer.js';
import type { RequestHeader } from '../../src/protocol/frames/request-header.js';
import {
  FLAG_ACKNOWLEDGED,
  FLAG_DEADLINE,
  FLAG_METADATA,
  FLAG_STREAM,
  FrameType,
  VALUE_FORM_MASK,
} from '../../src/protocol/frames/frame.js';
import { readRequestHeader } from '../../src/protocol/frames/request-header.js';
import { decodeValue, encodeValue } from '../../src/protocol/values/value.js';
import { framesOf } from '../support/fake-link.js';
import { wholeBody, writeLong } from '../support/frames.js';
import { n2nErrorThrown } from '../support/outcome.js';

function writerOf(maxPayload = Number.MAX_SAFE_INTEGER): ChunkWriter {
  return new ChunkWriter(maxPayload);
}

/** Writes a request, puts its frames together, and reads it. */
function roundTrip(head: RequestHeader, value: unknown): object {
  const writer = writerOf();
  writeLong(writer, writer.writeRequest(FrameType.REQUEST, 0, 3, head, encodeValue(value)));
  const frames = [];
  for (let chunk = writer.take(); chunk !== undefined; chunk = writer.take()) {
    frames.push(...framesOf(Buffer.concat(chunk.pieces)));
  }
  const flags = frames.at(-1)?.flags ?? 0;
  const body = wholeBody(frames);
  const { valueAt, ...front } = readRequestHeader(FrameType.REQUEST, flags, body, 0, body.length);
  return { ...front, value: decodeValue(flags & VALUE_FORM_MASK, body, valueAt, body.length) };
}

describe('a request is read as it was written', () => {
  const patterns = [
    'a',
    '',
    'wörter.zählen',
    'x'.repeat(1024),
    'x'.repeat(1025),
    '犬'.repeat(1024),
    'y'.repeat(MAX_PATTERN_BYTES),
  ];
  const values = [
    undefined,
    1,
    { a: 'é' },
    Buffer.from('abc'),
    { a: Buffer.from('x') },
    'z'.repeat(3 * FRAGMENT_BYTES),
  ];

  test.each(patterns.map((pattern) => [pattern.slice(0, 20), pattern.length, pattern] as const))(
    'pattern %s (%i characters)',
    (_start, _length, pattern) => {
      for (const remaining of [0, 1, 30_000, 2 ** 31 - 1]) {
        for (const metadata of [
          undefined,
          '{}',
          '{"trace":"é"}',
          JSON.stringify('m'.repeat(MAX_METADATA_BYTES - 2)),
        ]) {
          for (const value of values) {
            expect(roundTrip({ pattern, remaining, metadata }, value)).toEqual({
              pattern,
              remaining,
              key: undefined,
              metadata,
              value,
            });
          }
        }
      }
    },
  );
});

test('a key and metadata of an acknowledged event are read as they were written', () => {
  const writer = writerOf();
  const key = '0123456789\u{1}\0\xff\xfe\x80\x7f';
  writer.writeRequest(FrameType.EVENT, 0, 3, { pattern: 'p', remaining: 9, metadata: '[1]', key }, '5');
  const [written] = framesOf(Buffer.concat(writer.take()?.pieces ?? []));
  if (written === undefined) throw new Error('no event was written');
  const { flags, body } = written;
  expect(readRequestHeader(FrameType.EVENT, flags, body, 0, body.length)).toMatchObject({
    pattern: 'p',
    remaining: 9,
    metadata: '[1]',
    key,
  });
  // The same flag of a REQUEST says something else, and no key stands there.
  const request = Buffer.from([0, 1, 97]);
  expect(readRequestHeader(FrameType.REQUEST, FLAG_STREAM, request, 0, 3).key).toBeUndefined();
});

test('metadata over their limit are refused, and nothing is written', () => {
  const writer = writerOf();
  const head = { pattern: 'p', remaining: 0, metadata: 'm'.repeat(MAX_METADATA_BYTES + 1) };
  n2nErrorThrown(() => writer.writeRequest(FrameType.REQUEST, 0, 1, head, '1'), 'PAYLOAD_TOO_LARGE');
  expect(writer.pendingBytes).toBe(0);
});

test('a pattern over its limit is refused, and nothing is written', () => {
  const writer = writerOf();
  const pattern = 'x'.repeat(MAX_PATTERN_BYTES + 1);
  const error = n2nErrorThrown(
    () => writer.writeRequest(FrameType.REQUEST, 0, 1, { pattern, remaining: 0 }, '1'),
    'PAYLOAD_TOO_LARGE',
  );
  expect(error.message).toContain('65536');
  expect(writer.pendingBytes).toBe(0);
});

describe('the longest value', () => {
  test.each([
    ['ASCII', 1000, 'a'.repeat(998), 'a'.repeat(999)],
    ['three bytes a character', 1001, '犬'.repeat(333), '犬'.repeat(333) + 'a'],
    ['bytes', 5, Buffer.alloc(5), Buffer.alloc(6)],
    ['beyond a fragment', 100_000, 'a'.repeat(99_998), 'a'.repeat(99_999)],
  ])('%s: %i bytes pass, one more is refused', (_name, maxPayload, fits, tooLong) => {
    const writer = writerOf(maxPayload);
    const head = { pattern: 'p', remaining: 0 };
    writeLong(writer, writer.writeRequest(FrameType.REQUEST, 0, 1, head, encodeValue(fits)));
    writeLong(writer, writer.writeValue(FrameType.NEXT, 0, 1, encodeValue(fits)));
    const written = writer.pendingBytes;
    const error = n2nErrorThrown(
      () => writer.writeRequest(FrameType.REQUEST, 0, 1, head, encodeValue(tooLong)),
      'PAYLOAD_TOO_LARGE',
    );
    n2nErrorThrown(() => writer.writeValue(FrameType.NEXT, 0, 1, encodeValue(tooLong)), 'PAYLOAD_TOO_LARGE');
    expect(error.details).toEqual({ length: maxPayload + 1, maxPayload });
    expect(writer.pendingBytes).toBe(written);
  });

  test('the pattern does not count', () => {
    const writer = writerOf(10);
    writer.writeRequest(FrameType.REQUEST, 0, 1, { pattern: 'long'.repeat(500), remaining: 0 }, '1');
    expect(writer.pendingBytes).toBeGreaterThan(2000);
  });
});

describe('fronts that reach beyond their frame are refused', () => {
  test.each([
    ['no length of the pattern', 0, [0]],
    ['nothing at all', 0, []],
    ['a pattern that ends too early', 0, [0, 2, 97]],
    ['no deadline', FLAG_DEADLINE, [0, 1, 97, 0, 0, 0]],
    ['no length of the metadata', FLAG_METADATA, [0, 1, 97, 0, 0, 0]],
    ['metadata that end too early', FLAG_METADATA, [0, 1, 97, 0, 0, 0, 2, 98]],
    ['metadata as long as can be', FLAG_METADATA, [0, 0, 255, 255, 255, 255]],
    ['metadata behind a deadline', FLAG_METADATA | FLAG_DEADLINE, [0, 0, 0, 0, 0, 1, 0, 0, 0, 1]],
    ['half a key', FLAG_ACKNOWLEDGED, [0, 0, 1, 2, 3, 4, 5, 6, 7, 8]],
    ['a key behind a deadline', FLAG_ACKNOWLEDGED | FLAG_DEADLINE, [0, 0, 0, 0, 0, 1, 9]],
  ])('%s', (_name, flags, bytes) => {
    const type = (flags & FLAG_ACKNOWLEDGED) === 0 ? FrameType.REQUEST : FrameType.EVENT;
    // What stands behind the frame is another frame's, and must not be read into this one.
    const chunk = Buffer.concat([Buffer.from(bytes), Buffer.alloc(64, 1)]);
    n2nErrorThrown(() => readRequestHeader(type, flags, chunk, 0, bytes.length), 'PROTOCOL_ERROR');
  });
});
