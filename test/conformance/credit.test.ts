import { describe, expect, test } from 'vitest';
import { FLAG_LAST, FLAG_MORE, FLAG_STREAM, FrameType } from '../../src/protocol/frames/frame.js';
import { frame } from '../support/fake-link.js';
import { callFrame, creditFrame, fragmentsOf, requestBody, u32, valueFrame } from '../support/frames.js';
import { proveNothingIsLeft } from '../support/harness.js';
import { begin, expectCalls, expectServed, expectSessionEnds, jsonOf } from '../support/raw/expectations.js';
import { greetedPair } from '../support/raw/server.js';
import { startGreeted, TRANSPORTS } from './scene.js';

proveNothingIsLeft();

const request = (id: number, pattern: string, json: string): Buffer =>
  callFrame(FrameType.REQUEST, 0, id, { pattern, json });

describe.each(TRANSPORTS)('towards a server over %s', (transport) => {
  test('K1: K3: 256 items leave, then one for each that is granted; the end takes none', async () => {
    const { session } = await startGreeted(transport);
    session.send(request(1, 'count', '258'));
    for (let value = 0; value < 256; value++) expect(jsonOf(await session.frame({ id: 1 }))).toBe(value);
    await expectServed(session, 3);
    expect(session.takeFrames({ id: 1 })).toEqual([]);
    session.send(creditFrame(1, 2, 0));
    for (const value of [256, 257]) expect(jsonOf(await session.frame({ id: 1 }))).toBe(value);
    expect((await session.frame({ id: 1 })).type).toBe(FrameType.COMPLETE);
  });

  test('K2: the last frame may take more bytes than are left', async () => {
    const { session } = await startGreeted(transport);
    session.send(request(1, 'blocks', '[20,64000]'));
    for (let index = 0; index < 17; index++) await session.frame({ id: 1 });
    await expectServed(session, 3);
    expect(session.takeFrames({ id: 1 })).toEqual([]);
    session.send(frame(FrameType.CANCEL, 0, 1));
  });

  test('K4: credit that comes before the first value counts', async () => {
    const { session } = await startGreeted(transport);
    session.send(request(1, 'count', '300'), creditFrame(1, 100, 0));
    for (let value = 0; value < 300; value++) expect(jsonOf(await session.frame({ id: 1 }))).toBe(value);
  });

  test.each([
    ['more than there can be', creditFrame(1, 0xffff_ffff, 0)],
    ['more bytes than there can be', creditFrame(1, 0, 0xffff_ffff)],
    ['seven bytes', frame(FrameType.CREDIT, 0, 1, Buffer.alloc(7))],
    ['nine bytes', frame(FrameType.CREDIT, 0, 1, Buffer.alloc(9))],
  ])('K4: CREDIT of %s ends the session', async (_name, bytes) => {
    const { session, bystander } = await startGreeted(transport);
    session.send(request(1, 'count', '10000'));
    await session.frame({ id: 1 });
    session.send(bytes);
    await expectSessionEnds(session, 'PROTOCOL_ERROR');
    await expectServed(bystander, 1);
  });

  test('K5: a payload sent without credit ends the session', async () => {
    const { session, bystander } = await startGreeted(transport);
    session.send(callFrame(FrameType.REQUEST, FLAG_STREAM, 1, { pattern: 'first' }));
    session.send(valueFrame(FrameType.NEXT, 0, 1, 0));
    await session.frame({ id: 1 });
    session.send(callFrame(FrameType.REQUEST, FLAG_STREAM, 3, { pattern: 'held' }));
    for (let index = 0; index < 257; index++) session.send(valueFrame(FrameType.NEXT, 0, 3, index));
    await expectSessionEnds(session, 'PROTOCOL_ERROR');
    await expectServed(bystander, 1);
  });

  test('K6: a long answer comes in fragments that tell its length, and a small call between them', async () => {
    const { session } = await startGreeted(transport);
    session.send(request(1, 'bytes', '200000'));
    const first = await session.frame({ id: 1 });
    expect([first.flags & FLAG_MORE, first.body.readUInt32BE(0)]).toEqual([FLAG_MORE, 200_000]);
    let length = first.body.length - 4;
    for (let flags = first.flags; (flags & FLAG_MORE) !== 0;) {
      const next = await session.frame({ id: 1 });
      flags = next.flags;
      length += next.body.length;
    }
    expect(length).toBe(200_000);
    const body = requestBody({ pattern: 'echo', json: JSON.stringify('x'.repeat(100_000)) });
    const [one = Buffer.alloc(0), ...others] = fragmentsOf(FrameType.REQUEST, 2, 3, body, 40_000);
    session.send(one);
    await expectServed(session, 5);
    session.send(...others);
    expect((await session.frame({ id: 3 })).type).toBe(FrameType.NEXT);
  });

  test.each([
    ['longer than was told', fragmentsOf(FrameType.REQUEST, 2, 1, Buffer.alloc(100), 60, 90)],
    ['shorter than was told', fragmentsOf(FrameType.REQUEST, 2, 1, Buffer.alloc(100), 60, 110)],
    ['over the limit', fragmentsOf(FrameType.REQUEST, 2, 1, Buffer.alloc(100), 60, 0xffff_ffff)],
  ])('K7: fragments that are %s end the session', async (_name, fragments) => {
    const { session, bystander } = await startGreeted(transport);
    session.send(...fragments);
    await expectSessionEnds(session, 'PROTOCOL_ERROR');
    await expectServed(bystander, 1);
  });

  test('K7: 64 bodies may be under way at once, and one more ends the session', async () => {
    const { session, bystander } = await startGreeted(transport);
    const begun = (id: number): Buffer =>
      frame(FrameType.REQUEST, FLAG_MORE, id, Buffer.concat([u32(10), Buffer.from('x')]));
    for (let index = 0; index < 64; index++) session.send(begun(1 + 2 * index));
    await expectServed(session, 1001);
    session.send(begun(129));
    await expectSessionEnds(session, 'PROTOCOL_ERROR');
    await expectServed(bystander, 1);
  });
});

describe.each(TRANSPORTS)('towards a client over %s', (transport) => {
  test('K1: K4: K8: 128 items that a client took it grants again', async () => {
    const { client, session } = await greetedPair(transport);
    const values = client.stream<number>('s', null);
    const first = values.next();
    const { id } = await session.frame({ type: FrameType.REQUEST });
    for (let value = 0; value < 129; value++) session.send(valueFrame(FrameType.NEXT, 0, id, value));
    await first;
    for (let value = 1; value < 128; value++) expect(await values.next()).toEqual({ done: false, value });
    const { body } = await session.frame({ type: FrameType.CREDIT, id });
    expect(body.readUInt32BE(0)).toBe(128);
    await values.return?.();
  });

  test('K8: a client that takes what comes as it comes grants more, and more of it comes ahead', async () => {
    const { client, session } = await greetedPair(transport);
    const { request: { id }, outcome } = await begin(client, session); // prettier-ignore
    let sent = 0;
    const send = (until: number): void => {
      while (sent < until) session.send(valueFrame(FrameType.NEXT, 0, id, sent++));
    };
    send(128);
    const { body } = await session.frame({ type: FrameType.CREDIT, id });
    const granted = body.readUInt32BE(0);
    expect(granted).toBeGreaterThan(10_000);
    send(256 + granted);
    session.send(frame(FrameType.COMPLETE, 0, id));
    expect((await outcome).values).toHaveLength(256 + granted);
  });

  test('K8: 128 KiB that a client took, as values or in fragments, it grants again', async () => {
    const { client, session } = await greetedPair(transport);
    const { request: { id }, outcome } = await begin(client, session); // prettier-ignore
    const half = 'x'.repeat(64 * 1024 - 2);
    for (let value = 0; value < 2; value++) session.send(valueFrame(FrameType.NEXT, 0, id, half));
    expect((await session.frame({ type: FrameType.CREDIT, id })).body.readUInt32BE(4)).toBe(128 * 1024);
    const long = Buffer.from(JSON.stringify('y'.repeat(200_000)));
    session.send(...fragmentsOf(FrameType.NEXT, FLAG_LAST | 2, id, long, 64 * 1024).slice(0, 2));
    expect((await session.frame({ type: FrameType.CREDIT, id })).body.readUInt32BE(4)).toBeGreaterThanOrEqual(
      128 * 1024,
    );
    session.send(frame(FrameType.ERROR, 1, id, '"enough"'));
    expect(await outcome).toMatchObject({ error: 'enough' });
  });

  test('K6: an answer in fragments is put together', async () => {
    const { client, session } = await greetedPair(transport);
    const { request: { id }, outcome } = await begin(client, session); // prettier-ignore
    session.send(...fragmentsOf(FrameType.NEXT, FLAG_LAST | 2, id, Buffer.from('"in fragments"'), 5));
    expect(await outcome).toEqual({ values: ['in fragments'] });
    await expectCalls(client, session);
  });
});
