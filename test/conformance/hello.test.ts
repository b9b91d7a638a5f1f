import { describe, expect, test } from 'vitest';
import { FLAG_SYSTEM, FrameType } from '../../src/protocol/frames/frame.js';
import { frame } from '../support/fake-link.js';
import { callFrame, valueFrame } from '../support/frames.js';
import { proveNothingIsLeft } from '../support/harness.js';
import { greetedClient, rawClient } from '../support/raw/client.js';
import { begin, codeIn, expectCalls, expectServed, expectSessionEnds } from '../support/raw/expectations.js';
import { clientOf, greetedPair, rawServer } from '../support/raw/server.js';
import { rawHello } from '../support/raw/session.js';
import { startGreeted, startScene, TRANSPORTS } from './scene.js';

proveNothingIsLeft();

describe.each(TRANSPORTS)('towards a server over %s', (transport) => {
  test('H1: H2: HELLO is answered by HELLO, with version, maxPayload, codec and window', async () => {
    const { port } = await startScene({ maxPayload: 5000, resumeWindow: 7000 });
    const session = await rawClient(port, transport);
    session.send(rawHello({ maxPayload: 1024, codec: 'json', unknown: [1] }));
    const { id, body } = await session.frame({});
    expect([id, body.readUInt16BE(0)]).toEqual([0, 1]);
    expect(JSON.parse(String(body.subarray(2)))).toEqual({ maxPayload: 5000, codec: 'json', window: 7000 });
    await expectServed(await greetedClient(port, transport, { maxPayload: 1024 }), 1);
  });

  test.each([
    ['another version', rawHello({ maxPayload: 1024 }, 2), 'VERSION_MISMATCH'],
    ['another codec', rawHello({ maxPayload: 1024, codec: 'v8' }), 'VERSION_MISMATCH'],
  ] as const)('H3: H6: %s ends the session, and why is told', async (_name, bytes, code) => {
    const { port } = await startScene();
    const bystander = await greetedClient(port, transport);
    const session = await rawClient(port, transport);
    session.send(bytes);
    await expectSessionEnds(session, code);
    await expectServed(bystander, 1);
  });

  test('H4: another frame before HELLO ends the session', async () => {
    const { port } = await startScene();
    const bystander = await greetedClient(port, transport);
    const session = await rawClient(port, transport);
    session.send(callFrame(FrameType.REQUEST, 0, 1, { pattern: 'echo' }), rawHello());
    await expectSessionEnds(session, 'PROTOCOL_ERROR');
    await expectServed(bystander, 1);
  });

  test('H7: HELLO that does not stand alone ends the session', async () => {
    const { port } = await startScene();
    const session = await rawClient(port, transport);
    session.send(rawHello(), callFrame(FrameType.REQUEST, 0, 1, { pattern: 'echo' }));
    await expectSessionEnds(session, 'PROTOCOL_ERROR');
  });

  test('H1: HELLO with the id of a call ends the session', async () => {
    const { port } = await startScene();
    const session = await rawClient(port, transport);
    const hello = rawHello();
    hello.writeUInt32BE(5, 2);
    session.send(hello);
    await expectSessionEnds(session, 'PROTOCOL_ERROR');
  });

  test('H4: a second HELLO ends the session', async () => {
    const { session, bystander } = await startGreeted(transport);
    session.send(rawHello());
    await expectSessionEnds(session, 'PROTOCOL_ERROR');
    await expectServed(bystander, 1);
  });

  test('H5: a client that says no HELLO is left', async () => {
    const { port } = await startScene({ handshakeTimeout: 300 });
    const bystander = await greetedClient(port, transport);
    const session = await rawClient(port, transport);
    // The first chunk makes it a client that speaks in chunks.
    session.send();
    expect(codeIn(await session.frame({ type: FrameType.ERROR, id: 0 }))).toBe('CONNECT_FAILED');
    await session.ended;
    await expectServed(bystander, 1);
  });
});

describe.each(TRANSPORTS)('towards a client over %s', (transport) => {
  test('H1: H2: a client speaks first, and members that it does not know are passed over', async () => {
    const server = await rawServer();
    const client = clientOf(server, transport, { maxPayload: 7000, resumeWindow: 3000 });
    const connected = client.connect();
    const session = await server.session();
    const { type, id, body } = await session.frame({});
    expect([type, id, body.readUInt16BE(0)]).toEqual([FrameType.HELLO, 0, 1]);
    expect(JSON.parse(String(body.subarray(2)))).toEqual({ maxPayload: 7000, codec: 'json', window: 3000 });
    session.send(rawHello({ maxPayload: 1024, unknown: true }));
    await connected;
    await expectCalls(client, session);
  });

  test('H3: another version ends the session', async () => {
    const server = await rawServer();
    const connected = clientOf(server, transport).connect();
    const failed = expect(connected).rejects.toMatchObject({ code: 'VERSION_MISMATCH' });
    const session = await server.session();
    session.send(rawHello({ maxPayload: 1024 }, 2));
    await expectSessionEnds(session, 'VERSION_MISMATCH');
    session.socket.end();
    await failed;
  });

  test('H4: H6: a second HELLO ends the session and fails the calls under way', async () => {
    const { client, session } = await greetedPair(transport);
    const { outcome } = await begin(client, session);
    session.send(rawHello());
    await expectSessionEnds(session, 'PROTOCOL_ERROR');
    session.socket.end();
    expect(await outcome).toMatchObject({ error: { code: 'PROTOCOL_ERROR' } });
  });

  test('H5: a server that says no HELLO is left', async () => {
    const server = await rawServer();
    const connected = clientOf(server, transport, { connectTimeout: 300 }).connect();
    const failed = expect(connected).rejects.toThrow(Error);
    const session = await server.session();
    expect(codeIn(await session.frame({ type: FrameType.ERROR, id: 0 }))).toBe('CONNECT_FAILED');
    await session.ended;
    session.socket.end();
    await failed;
  });

  test('H6: the reason that the other side gives is the error of the calls under way', async () => {
    const { client, session } = await greetedPair(transport);
    const { outcome } = await begin(client, session);
    session.send(valueFrame(FrameType.ERROR, FLAG_SYSTEM, 0, { code: 'OVERLOADED', message: 'm' }));
    expect(await outcome).toMatchObject({ error: { code: 'OVERLOADED' } });
    session.send(frame(FrameType.NEXT, 0, 1));
    await session.ended;
    session.socket.end();
  });
});
