import { describe, expect, test } from 'vitest';
import { PROTOCOL_VERSION, readHello, writeHello } from '../../src/protocol/frames/hello.js';
import { n2nErrorThrown } from '../support/outcome.js';

function helloOf(version: number, json: string): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(version);
  return Buffer.concat([head, Buffer.from(json)]);
}

function read(bytes: Buffer): unknown {
  return readHello(bytes, 0, bytes.length);
}

test('HELLO is read as it was written, wherever it stands', () => {
  const hello = {
    version: PROTOCOL_VERSION,
    maxPayload: 4_194_304,
    codec: 'v8',
    window: 5000,
    resume: { id: 'a', token: 'b', received: 7 },
    ticket: { id: 'c', token: 'd' },
    received: 2 ** 40,
  };
  const bytes = writeHello(hello);
  const around = Buffer.concat([Buffer.from('###'), bytes, Buffer.from('###')]);
  expect(readHello(around, 3, 3 + bytes.length)).toEqual(hello);
});

test('members that a later version of this one adds are passed over', () => {
  const hello = { version: PROTOCOL_VERSION, maxPayload: 1024, codec: 'json', window: 0, features: ['x'] };
  expect(read(writeHello(hello))).toEqual({
    version: PROTOCOL_VERSION,
    maxPayload: 1024,
    codec: 'json',
    window: 0,
  });
});

test('a side that says neither writes JSON, and keeps no session whose link has broken', () => {
  expect(read(helloOf(PROTOCOL_VERSION, '{"maxPayload":1024}'))).toMatchObject({ codec: 'json', window: 0 });
});

test.each([0, PROTOCOL_VERSION + 1, 0xffff])('version %i is another, whatever follows it', (version) => {
  const error = n2nErrorThrown(() => read(helloOf(version, 'not JSON')), 'VERSION_MISMATCH');
  expect(error.details).toEqual({ theirs: version, ours: PROTOCOL_VERSION });
  expect(error.message).toContain(`version ${version}`);
});

describe('what is no HELLO', () => {
  test.each([
    ['nothing', Buffer.alloc(0)],
    ['one byte', Buffer.alloc(1)],
    ['no JSON', helloOf(PROTOCOL_VERSION, '')],
    ['half of JSON', helloOf(PROTOCOL_VERSION, '{"maxPayload":')],
    ['null', helloOf(PROTOCOL_VERSION, 'null')],
    ['no maxPayload', helloOf(PROTOCOL_VERSION, '{}')],
    ['a maxPayload of 0', helloOf(PROTOCOL_VERSION, '{"maxPayload":0}')],
    ['a maxPayload of 1023', helloOf(PROTOCOL_VERSION, '{"maxPayload":1023}')],
    ['a negative one', helloOf(PROTOCOL_VERSION, '{"maxPayload":-1}')],
    ['half a byte', helloOf(PROTOCOL_VERSION, '{"maxPayload":1.5}')],
    ['a text', helloOf(PROTOCOL_VERSION, '{"maxPayload":"5"}')],
    ['a codec that is no name', helloOf(PROTOCOL_VERSION, '{"maxPayload":5,"codec":5}')],
    ['a window that is no time', helloOf(PROTOCOL_VERSION, '{"maxPayload":1024,"window":"5"}')],
    ['a negative window', helloOf(PROTOCOL_VERSION, '{"maxPayload":1024,"window":-1}')],
    ['a position that is none', helloOf(PROTOCOL_VERSION, '{"maxPayload":1024,"received":0.5}')],
    ['a ticket that is none', helloOf(PROTOCOL_VERSION, '{"maxPayload":1024,"ticket":5}')],
    ['a ticket without a token', helloOf(PROTOCOL_VERSION, '{"maxPayload":1024,"ticket":{"id":"a"}}')],
    [
      'a return without a position',
      helloOf(PROTOCOL_VERSION, '{"maxPayload":1024,"resume":{"id":"a","token":"b"}}'),
    ],
    ['more than numbers count', helloOf(PROTOCOL_VERSION, '{"maxPayload":1e300}')],
  ])('%s', (_name, bytes) => {
    n2nErrorThrown(() => read(bytes), 'PROTOCOL_ERROR');
  });
});
