import { describe, expect, test } from 'vitest';
import { FLAG_LAST, FLAG_STREAM, FrameType } from '../../src/protocol/frames/frame.js';
import { frame } from '../support/fake-link.js';
import { callFrame, keyOf, valueFrame } from '../support/frames.js';
import { proveNothingIsLeft } from '../support/harness.js';
import { begin, codeIn, expectCalls, expectServed, jsonOf } from '../support/raw/expectations.js';
import { greetedPair } from '../support/raw/server.js';
import { startGreeted, TRANSPORTS } from './scene.js';

proveNothingIsLeft();

const request = (id: number, pattern: string, json?: string): Buffer =>
  callFrame(FrameType.REQUEST, 0, id, json === undefined ? { pattern } : { pattern, json });

describe.each(TRANSPORTS)('towards a server over %s', (transport) => {
  test('V1: a form that is not known fails the call', async () => {
    const { session } = await startGreeted(transport);
    session.send(frame(FrameType.REQUEST, 6, 1, Buffer.from('\0\u0004echo1')));
    expect(codeIn(await session.frame({ id: 1 }))).toBe('PROTOCOL_ERROR');
    await expectServed(session, 3);
  });

  test('V2: a path to a prototype fails the call', async () => {
    const { session } = await startGreeted(transport);
    const head = Buffer.from([0, 1, 0, 0, 0, 2, 0, 0, 0, 19, 0, 0, 0, 1]);
    const body = Buffer.concat([Buffer.from('\0\u0004echo'), head, Buffer.from('{}[["__proto__","x"]]p')]);
    session.send(frame(FrameType.REQUEST, 4, 1, body));
    expect(codeIn(await session.frame({ id: 1 }))).toBe('PROTOCOL_ERROR');
    await expectServed(session, 3);
  });

  test('V3: an answer that is too long for the other side fails its call', async () => {
    const { session } = await startGreeted(transport, {}, { maxPayload: 1024 });
    session.send(request(1, 'bytes', '1025'), request(3, 'bytes', '1024'));
    expect(codeIn(await session.frame({ id: 1 }))).toBe('PAYLOAD_TOO_LARGE');
    expect((await session.frame({ id: 3 })).body).toHaveLength(1024);
  });

  test('R1: one value is a NEXT with LAST; a stream is NEXT and COMPLETE, or ERROR after its values', async () => {
    const { session } = await startGreeted(transport);
    session.send(request(1, 'echo', '5'), request(3, 'count', '2'), request(5, 'fails'));
    expect((await session.frame({ id: 1 })).flags & FLAG_LAST).toBe(FLAG_LAST);
    for (const value of [0, 1]) expect(jsonOf(await session.frame({ id: 3 }))).toBe(value);
    expect((await session.frame({ id: 3 })).type).toBe(FrameType.COMPLETE);
    expect((await session.frame({ id: 5 })).type).toBe(FrameType.NEXT);
    expect(await session.frame({ id: 5 })).toMatchObject({ type: FrameType.ERROR, flags: 1 });
    expect(session.takeFrames()).toEqual([]);
  });

  test('R2: CANCEL stops the handler, and nothing more is answered', async () => {
    const { session, marks } = await startGreeted(transport);
    session.send(request(1, 'endless'));
    await session.frame({ id: 1 });
    session.send(frame(FrameType.CANCEL, 0, 1), frame(FrameType.CANCEL, 0, 1));
    await marks.stopped.promise;
    await expectServed(session, 3);
    expect(session.takeFrames({ id: 1 })).toEqual([]);
  });

  test('R3: a handler that takes no more of its payload sends CANCEL, and answers all the same', async () => {
    const { session, marks } = await startGreeted(transport);
    session.send(callFrame(FrameType.REQUEST, FLAG_STREAM, 1, { pattern: 'first' }));
    session.send(valueFrame(FrameType.NEXT, 0, 1, 'one'));
    expect((await session.frame({ id: 1 })).type).toBe(FrameType.CANCEL);
    // NEXT that crossed it, and NEXT after the end.
    session.send(valueFrame(FrameType.NEXT, 0, 1, 'two'), frame(FrameType.COMPLETE, 0, 1));
    session.send(valueFrame(FrameType.NEXT, 0, 1, 'three'));
    marks.release.resolve('answer');
    expect(jsonOf(await session.frame({ id: 1 }))).toBe('answer');
    await expectServed(session, 3);
  });

  test('R4: the remaining time reaches the handler', async () => {
    const { session } = await startGreeted(transport);
    session.send(callFrame(FrameType.REQUEST, 0, 1, { pattern: 'remaining', remaining: 5000 }));
    expect(jsonOf(await session.frame({ id: 1 }))).toBe(true);
  });

  test('R5: R6: an acknowledged event is answered when it was handled, and handled once', async () => {
    const { session, marks } = await startGreeted(transport);
    const key = keyOf('key');
    const event = (id: number): Buffer =>
      callFrame(FrameType.EVENT, 0, id, { pattern: 'note', key, json: '1' });
    session.send(callFrame(FrameType.EVENT, 0, 1, { pattern: 'note', json: '"plain"' }), event(3));
    expect((await session.frame({ id: 3 })).type).toBe(FrameType.COMPLETE);
    session.send(event(5));
    expect((await session.frame({ id: 5 })).type).toBe(FrameType.COMPLETE);
    expect(marks.notes).toEqual(['plain', 1]);
    expect(session.takeFrames({ id: 1 })).toEqual([]);
  });

  test('R8: packets are answered with packets, and so are their errors, but not those of the library', async () => {
    const { session } = await startGreeted(transport);
    const ask = (id: number, pattern: string, data: number): Buffer =>
      callFrame(FrameType.REQUEST, 0, id, {
        pattern,
        metadata: '{"headers":{},"packet":true}',
        json: JSON.stringify({ pattern, data, id: 'mine' }),
      });
    session.send(ask(1, 'echo', 5), ask(3, 'count', 1), ask(5, 'fails', 0), ask(7, 'nobody', 0));
    expect(jsonOf(await session.frame({ id: 1 }))).toEqual({ response: 5, isDisposed: true, id: 'mine' });
    expect(jsonOf(await session.frame({ id: 3 }))).toEqual({ response: 0, id: 'mine' });
    expect(jsonOf(await session.frame({ id: 3 }))).toEqual({ isDisposed: true, id: 'mine' });
    expect(jsonOf(await session.frame({ id: 5 }))).toEqual({ response: 1, id: 'mine' });
    const failed = await session.frame({ id: 5 });
    expect([failed.type, failed.flags & FLAG_LAST]).toEqual([FrameType.NEXT, FLAG_LAST]);
    expect(jsonOf(failed)).toEqual({
      err: { status: 'error', message: 'no more' },
      isDisposed: true,
      id: 'mine',
    });
    expect(codeIn(await session.frame({ id: 7 }))).toBe('NO_HANDLER');
    await expectServed(session, 9);
  });

  test('R8: metadata of no use is passed over', async () => {
    const { session } = await startGreeted(transport);
    for (const [index, metadata] of ['null', '5', '[]', '{"packet":1}', '{"packet":"true"}'].entries()) {
      session.send(
        callFrame(FrameType.REQUEST, 0, 1 + 2 * index, { pattern: 'echo', metadata, json: '{"data":1}' }),
      );
      expect(jsonOf(await session.frame({ id: 1 + 2 * index }))).toEqual({ data: 1 });
    }
  });

  test('R7: beyond what may wait, calls fail with OVERLOADED', async () => {
    const { session, bystander, marks } = await startGreeted(transport, { maxInFlight: 1 });
    for (let index = 0; index < 66; index++) session.send(request(1 + 2 * index, 'held'));
    expect(codeIn(await session.frame({ id: 131 }))).toBe('OVERLOADED');
    await expectServed(bystander, 1);
    marks.release.resolve('done');
    for (let index = 0; index < 65; index++) {
      expect(jsonOf(await session.frame({ id: 1 + 2 * index }))).toBe('done');
    }
  });
});

describe.each(TRANSPORTS)('towards a client over %s', (transport) => {
  test('R1: NEXT after COMPLETE is not heard', async () => {
    const { client, session } = await greetedPair(transport);
    const { request: { id }, outcome } = await begin(client, session); // prettier-ignore
    session.send(
      valueFrame(FrameType.NEXT, 0, id, 1),
      frame(FrameType.COMPLETE, 0, id),
      valueFrame(FrameType.NEXT, 0, id, 2),
    );
    expect(await outcome).toEqual({ values: [1] });
    await expectCalls(client, session);
  });

  test('V1: an answer in a form that is not known fails its call', async () => {
    const { client, session } = await greetedPair(transport);
    const { request: { id }, outcome } = await begin(client, session); // prettier-ignore
    session.send(frame(FrameType.NEXT, FLAG_LAST | 7, id, '1'));
    expect(await outcome).toMatchObject({ error: { code: 'PROTOCOL_ERROR' } });
    await expectCalls(client, session);
  });

  test('R2: a call that is unsubscribed sends CANCEL', async () => {
    const { client, session } = await greetedPair(transport);
    const subscription = client.send('p', 1).subscribe();
    const { id } = await session.frame({ type: FrameType.REQUEST });
    subscription.unsubscribe();
    expect((await session.frame({ id })).type).toBe(FrameType.CANCEL);
    await expectCalls(client, session);
  });
});
