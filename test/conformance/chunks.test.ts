import { describe, expect, test } from 'vitest';
import { FLAG_LAST, FrameType } from '../../src/protocol/frames/frame.js';
import { callFrame, valueFrame } from '../support/frames.js';
import { proveNothingIsLeft } from '../support/harness.js';
import { greetedClient, rawClient } from '../support/raw/client.js';
import { begin, expectCalls, expectServed, expectSessionEnds } from '../support/raw/expectations.js';
import { PacketKind } from '../support/raw/framing.js';
import { greetedPair } from '../support/raw/server.js';
import { startGreeted, startScene, TRANSPORTS } from './scene.js';

proveNothingIsLeft();

const echo = (id: number): Buffer =>
  callFrame(FrameType.REQUEST, 0, id, { pattern: 'echo', json: String(id) });
const note = (id: number, json: string): Buffer =>
  callFrame(FrameType.EVENT, 0, id, { pattern: 'note', json });

describe.each(TRANSPORTS)('towards a server over %s', (transport) => {
  test('C1: a chunk is one bare binary message; everything else is as Socket.IO writes it', async () => {
    const { port } = await startScene();
    const stock = await rawClient(port, transport, { query: `EIO=4&transport=${transport}` });
    stock.sendPacket(PacketKind.MESSAGE, '21["echo","as Socket.IO"]');
    expect((await stock.packet(PacketKind.MESSAGE)).data).toBe('31["as Socket.IO"]');
    stock.sendPacket(PacketKind.MESSAGE, '20["n2n","no bytes"]');
    await expectServed(await greetedClient(port, transport), 1);
  });

  test('C2: a chunk holds any number of whole frames, or none', async () => {
    const { session } = await startGreeted(transport);
    session.send();
    session.send(...[1, 3, 5, 7].map(echo));
    for (const id of [1, 3, 5, 7]) expect(String((await session.frame({ id })).body)).toBe(String(id));
    session.send();
    await expectServed(session, 9);
  });

  test.each([
    ['the header', 7],
    ['the body', 12],
  ])('C3: a frame cut off within %s ends the session; those before it count', async (_name, length) => {
    const { session, bystander, marks } = await startGreeted(transport);
    session.send(note(1, '"before"'), echo(3).subarray(0, length));
    await expectSessionEnds(session, 'PROTOCOL_ERROR');
    expect(await marks.noted.promise).toBe('before');
    await expectServed(bystander, 1);
  });
});

describe.each(TRANSPORTS)('towards a client over %s', (transport) => {
  test('C1: a client sends its chunks as bare binary messages', async () => {
    const { client, session } = await greetedPair(transport);
    // What is read as frames came as binary messages; of text there is none.
    await expectCalls(client, session);
  });

  test('C2: several answers in one chunk, and an empty one', async () => {
    const { client, session } = await greetedPair(transport);
    const one = await begin(client, session);
    const two = await begin(client, session);
    session.send();
    session.send(
      valueFrame(FrameType.NEXT, FLAG_LAST, two.request.id, 2),
      valueFrame(FrameType.NEXT, FLAG_LAST, one.request.id, 1),
    );
    expect([await one.outcome, await two.outcome]).toEqual([{ values: [1] }, { values: [2] }]);
    await expectCalls(client, session);
  });

  test('C3: a frame cut off ends the session; those before it count', async () => {
    const { client, session } = await greetedPair(transport);
    const one = await begin(client, session);
    const two = await begin(client, session);
    const answer = (id: number): Buffer => valueFrame(FrameType.NEXT, FLAG_LAST, id, 'v');
    session.send(answer(one.request.id), answer(two.request.id).subarray(0, 11));
    await expectSessionEnds(session, 'PROTOCOL_ERROR');
    session.socket.end();
    expect(await one.outcome).toEqual({ values: ['v'] });
    expect(await two.outcome).toMatchObject({ error: { code: 'PROTOCOL_ERROR' } });
  });
});
