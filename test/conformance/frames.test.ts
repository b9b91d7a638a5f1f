import { describe, expect, test } from 'vitest';
import { FLAG_ACKNOWLEDGED, FLAG_LAST, FLAG_METADATA, FrameType } from '../../src/protocol/frames/frame.js';
import { frame } from '../support/fake-link.js';
import { callFrame, creditFrame, keyOf, valueFrame } from '../support/frames.js';
import { proveNothingIsLeft } from '../support/harness.js';
import { n2nErrorOf } from '../support/outcome.js';
import {
  begin,
  codeIn,
  expectCalls,
  expectServed,
  expectSessionEnds,
  jsonOf,
} from '../support/raw/expectations.js';
import { greetedPair } from '../support/raw/server.js';
import { LONGEST_PATTERN, startGreeted, TRANSPORTS } from './scene.js';

proveNothingIsLeft();

const held = (id: number): Buffer => callFrame(FrameType.REQUEST, 0, id, { pattern: 'held' });

describe.each(TRANSPORTS)('towards a server over %s', (transport) => {
  test('F1: unknown types from 0x80 on are skipped', async () => {
    const { session } = await startGreeted(transport);
    for (const type of [0x80, 0x91, 0xff]) session.send(frame(type, 0, 1, 'x'), frame(type, 0x80, 3, 'x'));
    await expectServed(session, 5);
  });

  test('F1: also under the id of the session', async () => {
    const { session } = await startGreeted(transport);
    session.send(frame(0x91, 0, 0, 'x'));
    await expectServed(session, 1);
  });

  test.each([0, 9, 0x7f])('F1: the unknown type %i ends the session', async (type) => {
    const { session, bystander } = await startGreeted(transport);
    session.send(frame(type, 0, 1));
    await expectSessionEnds(session, 'PROTOCOL_ERROR');
    await expectServed(bystander, 1);
  });

  test.each([
    ['REQUEST with an even id', callFrame(FrameType.REQUEST, 0, 2, { pattern: 'echo' })],
    ['EVENT with an even id', callFrame(FrameType.EVENT, 0, 2, { pattern: 'note' })],
    ['REQUEST with the id of the session', callFrame(FrameType.REQUEST, 0, 0, { pattern: 'echo' })],
  ])('F2: %s ends the session', async (_name, bytes) => {
    const { session, bystander } = await startGreeted(transport);
    session.send(bytes);
    await expectSessionEnds(session, 'PROTOCOL_ERROR');
    await expectServed(bystander, 1);
  });

  test.each(['REQUEST', 'EVENT'] as const)('F3: %s with an id in use ends the session', async (type) => {
    const { session, bystander } = await startGreeted(transport);
    session.send(held(1), callFrame(FrameType[type], 0, 1, { pattern: 'note' }));
    await expectSessionEnds(session, 'PROTOCOL_ERROR');
    await expectServed(bystander, 1);
  });

  test('F3: an id may come again when its call is over', async () => {
    const { session } = await startGreeted(transport);
    await expectServed(session, 1);
    await expectServed(session, 1);
  });

  test.each([
    ['that never was', 1001],
    ['of the server, that never was', 1002],
    ['that has ended', 1],
  ])('F4: frames for a call %s are passed over', async (_name, id) => {
    const { session } = await startGreeted(transport);
    await expectServed(session, 1);
    session.send(
      frame(FrameType.COMPLETE, 0, id),
      valueFrame(FrameType.NEXT, 0, id, 1),
      valueFrame(FrameType.ERROR, 0, id, 1),
      frame(FrameType.CANCEL, 0, id),
      creditFrame(id, 0xffff_ffff, 0xffff_ffff),
    );
    await expectServed(session, 3);
  });

  test.each([
    ['a pattern', frame(FrameType.REQUEST, 0, 1, Buffer.from([0, 9, 97]))],
    ['metadata', frame(FrameType.REQUEST, FLAG_METADATA, 1, Buffer.from([0, 1, 97, 0, 0, 0, 9, 98]))],
    ['a key', frame(FrameType.EVENT, FLAG_ACKNOWLEDGED, 1, Buffer.from([0, 1, 97, 1, 2, 3]))],
  ])('F5: %s that reaches beyond its frame ends the session', async (_name, bytes) => {
    const { session, bystander } = await startGreeted(transport);
    session.send(bytes);
    await expectSessionEnds(session, 'PROTOCOL_ERROR');
    await expectServed(bystander, 1);
  });

  test.each([
    ['a value that is no JSON', FrameType.REQUEST, { pattern: 'echo', json: '{' }],
    ['metadata that are no JSON', FrameType.REQUEST, { pattern: 'echo', metadata: '{', json: '1' }],
    [
      'such a value of an acknowledged event',
      FrameType.EVENT,
      { pattern: 'note', key: keyOf('k'), json: '{' },
    ],
  ])('F5: %s fails its own call', async (_name, type, parts) => {
    const { session, marks } = await startGreeted(transport);
    session.send(callFrame(type, 0, 1, parts));
    expect(codeIn(await session.frame({ id: 1 }))).toBe('PROTOCOL_ERROR');
    expect(marks.notes).toEqual([]);
    await expectServed(session, 1);
  });

  test('F5: an event with a value that is no JSON is passed over', async () => {
    const { session, marks } = await startGreeted(transport);
    session.send(
      callFrame(FrameType.EVENT, 0, 1, { pattern: 'note', json: '{' }),
      callFrame(FrameType.EVENT, 0, 3, { pattern: 'note', metadata: '{', json: '1' }),
      callFrame(FrameType.EVENT, 0, 5, { pattern: 'note', json: '"good"' }),
    );
    expect(await marks.noted.promise).toBe('good');
    expect(marks.notes).toEqual(['good']);
    await expectServed(session, 7);
  });

  test.each([
    ['__proto__', '__proto__', 'proto'],
    ['error', 'error', 'error'],
    ['65 535 bytes', LONGEST_PATTERN, 'longest'],
  ])('F6: the pattern %s is a name like any other', async (_name, pattern, answer) => {
    const { session } = await startGreeted(transport);
    session.send(callFrame(FrameType.REQUEST, 0, 1, { pattern }));
    expect(jsonOf(await session.frame({ id: 1 }))).toBe(answer);
  });

  test.each([
    ['constructor', 'constructor'],
    ['toString', 'toString'],
    ['of no characters', ''],
    ['of 65 535 bytes', 'y'.repeat(65_535)],
  ])('F6: the pattern %s, for which there is no handler, fails its own call', async (_name, pattern) => {
    const { session } = await startGreeted(transport);
    session.send(callFrame(FrameType.REQUEST, 0, 1, { pattern }));
    expect(codeIn(await session.frame({ id: 1 }))).toBe('NO_HANDLER');
    await expectServed(session, 3);
  });
});

describe.each(TRANSPORTS)('towards a client over %s', (transport) => {
  test('F1: unknown types from 0x80 on are skipped, others end the session', async () => {
    const { client, session } = await greetedPair(transport);
    const { request, outcome } = await begin(client, session);
    session.send(frame(0x91, 0, request.id, 'x'));
    await expectCalls(client, session);
    session.send(frame(0x7f, 0, request.id));
    await expectSessionEnds(session, 'PROTOCOL_ERROR');
    session.socket.end();
    expect(await outcome).toMatchObject({ error: { code: 'PROTOCOL_ERROR' } });
  });

  test('F2: the calls of a client have odd ids, and a REQUEST with one ends the session', async () => {
    const { client, session } = await greetedPair(transport);
    const { request } = await begin(client, session);
    expect(request.id % 2).toBe(1);
    session.send(callFrame(FrameType.REQUEST, 0, 1001, { pattern: 'p' }));
    await expectSessionEnds(session, 'PROTOCOL_ERROR');
    session.socket.end();
  });

  test('F2: a REQUEST with an even id is the other side calling', async () => {
    const { client, session } = await greetedPair(transport);
    session.send(callFrame(FrameType.REQUEST, 0, 2, { pattern: 'p' }));
    expect(codeIn(await session.frame({ id: 2 }))).toBe('NO_HANDLER');
    await expectCalls(client, session);
  });

  test('F4: frames for calls that have ended, or never were, are passed over', async () => {
    const { client, session } = await greetedPair(transport);
    await expectCalls(client, session);
    for (const id of [1, 1001, 1002]) {
      session.send(
        valueFrame(FrameType.NEXT, 0, id, 1),
        frame(FrameType.COMPLETE, 0, id),
        valueFrame(FrameType.ERROR, 0, id, 1),
        frame(FrameType.CANCEL, 0, id),
        creditFrame(id, 0xffff_ffff, 0xffff_ffff),
      );
    }
    await expectCalls(client, session);
  });

  test('F6: a pattern of 70 KiB is not sent: its call fails', async () => {
    const { client, session } = await greetedPair(transport);
    await n2nErrorOf(client.send('x'.repeat(70 * 1024), 1), 'PAYLOAD_TOO_LARGE');
    await expectCalls(client, session);
  });

  test('F5: an answer that is no JSON fails its own call', async () => {
    const { client, session } = await greetedPair(transport);
    const { request, outcome } = await begin(client, session);
    session.send(frame(FrameType.NEXT, FLAG_LAST | 2, request.id, '{'));
    expect(await outcome).toMatchObject({ values: [], error: { code: 'PROTOCOL_ERROR' } });
    await expectCalls(client, session);
  });
});
