import { describe, expect, test } from 'vitest';
import { N2NError, type N2NClientOptions, type N2NServerOptions } from '../../src/index.js';
import { FLAG_ANSWER, FLAG_LAST, FLAG_SYSTEM, FrameType } from '../../src/protocol/frames/frame.js';
import { frame, type SeenFrame } from '../support/fake-link.js';
import { callFrame, u32, valueFrame } from '../support/frames.js';
import { proveNothingIsLeft } from '../support/harness.js';
import { outcomeOf } from '../support/outcome.js';
import { greetedClient, rawClient, type TransportName } from '../support/raw/client.js';
import { begin, codeIn, expectServed, expectSessionEnds, jsonOf } from '../support/raw/expectations.js';
import { clientOf, greetedPair, rawServer, type RawServer } from '../support/raw/server.js';
import { rawHello, type RawSession } from '../support/raw/session.js';
import { startScene, TRANSPORTS, type Scene } from './scene.js';

proveNothingIsLeft();

interface SaidHello {
  readonly ticket?: { readonly id: string; readonly token: string };
  readonly received?: number;
  readonly window: number;
}

const HELLO_WITH_WINDOW = { maxPayload: 1_000_000, window: 10_000 };
const TICKET = { id: '0123456789abcdef', token: '0123456789abcdef0123456789abcdef' };

/** The bytes of a frame as they stand in a chunk. */
const HEADER = 10;
const ACK_BYTES = HEADER + 8;

function ackFrame(position: number): Buffer {
  return frame(FrameType.ACK, 0, 0, Buffer.concat([u32(0), u32(position)]));
}

function positionIn({ body }: SeenFrame): number {
  return body.readUInt32BE(0) * 2 ** 32 + body.readUInt32BE(4);
}

function goAwayFrame(flags = 0, retryAfter = 0): Buffer {
  return frame(FrameType.GOAWAY, flags, 0, u32(retryAfter));
}

function echo(id: number, json = '1', pattern = 'echo'): Buffer {
  return callFrame(FrameType.REQUEST, 0, id, { pattern, json });
}

/** A raw client that says HELLO, and what it is answered. */
async function hail(
  port: number,
  transport: TransportName,
  rest: object = {},
): Promise<{ session: RawSession; said: SaidHello }> {
  const session = await rawClient(port, transport);
  session.send(rawHello({ ...HELLO_WITH_WINDOW, ...rest }));
  const { body } = await session.frame({ type: FrameType.HELLO, id: 0 });
  return { session, said: JSON.parse(String(body.subarray(2))) as SaidHello };
}

async function cut(session: RawSession, { service }: Scene): Promise<void> {
  const [socket] = service.io.sockets.sockets.values();
  const gone = new Promise((resolve) => socket.once('disconnect', resolve));
  session.socket.destroy();
  await gone;
}

describe.each(TRANSPORTS)('towards a server over %s', (transport) => {
  async function begun(options?: N2NServerOptions) {
    const scene = await startScene(options);
    const { session, said } = await hail(scene.port, transport);
    if (said.ticket === undefined) throw new Error('there is no ticket');
    return { ...scene, scene, session, ticket: said.ticket };
  }

  test('S1: a ticket is given where both have a window; its token is 128 bits, and no two are the same', async () => {
    const { port } = await startScene();
    const tickets = [await hail(port, transport), await hail(port, transport)].map(({ said }) => said.ticket);
    for (const ticket of tickets) {
      expect(ticket).toEqual({
        id: expect.any(String) as unknown,
        token: expect.stringMatching(/^[\da-f]{32}$/) as unknown,
      });
    }
    expect(tickets[0]).not.toEqual(tickets[1]);
    expect((await hail(port, transport, { window: 0 })).said).not.toHaveProperty('ticket');
    const without = await startScene({ resumeWindow: 0 });
    expect((await hail(without.port, transport)).said).toMatchObject({ window: 0 });
  });

  test('S1: S9: the lesser window counts: a server gives up a client that is away for longer', async () => {
    const scene = await startScene();
    const { session, said } = await hail(scene.port, transport, { window: 30 });
    session.send(echo(1, undefined, 'endless'));
    await scene.marks.started.promise;
    await cut(session, scene);
    await scene.marks.stopped.promise;
    const back = await hail(scene.port, transport, { resume: { ...said.ticket, received: 0 } });
    expect(back.said).not.toHaveProperty('received');
  });

  test('S2: S5: S6: a client that comes back is told how much came, and is sent again what it has not received', async () => {
    const { port, scene, session, ticket } = await begun();
    const request = echo(1, '"once"');
    session.send(ackFrame(0));
    session.send(request);
    const first = await session.frame({ id: 1 });
    await cut(session, scene);
    const back = await hail(port, transport, { resume: { ...ticket, received: 0 } });
    expect(back.said.received).toBe(ACK_BYTES + request.length);
    expect(await back.session.frame({ id: 1 })).toEqual(first);
    back.session.send(ackFrame(HEADER + first.body.length));
    await expectServed(back.session, 3);
    await cut(back.session, scene);
    const received = HEADER * 2 + first.body.length + Buffer.byteLength('"still 3"');
    const again = await hail(port, transport, { resume: { ...back.said.ticket, received } });
    await expectServed(again.session, 5);
    expect(again.session.takeFrames({ id: 1 })).toEqual([]);
  });

  test('S3: what came is acknowledged after 256 KiB', async () => {
    const { session, scene } = await begun();
    const event = callFrame(FrameType.EVENT, 0, 1, {
      pattern: 'note',
      json: JSON.stringify('x'.repeat(60_000)),
    });
    session.send(event);
    await scene.marks.noted.promise;
    expect(session.takeFrames({ type: FrameType.ACK })).toEqual([]);
    for (let sent = 1; sent < 5; sent++) session.send(event);
    expect(positionIn(await session.frame({ type: FrameType.ACK }))).toBe(5 * event.length);
  });

  test.each([
    ['beyond what was sent', ackFrame(1)],
    ['of another length', frame(FrameType.ACK, 0, 0, Buffer.alloc(4))],
  ])('S4: an ACK %s ends the session', async (_name, bytes) => {
    const { session, port } = await begun();
    const bystander = await greetedClient(port, transport);
    session.send(bytes);
    await expectSessionEnds(session, 'PROTOCOL_ERROR');
    await expectServed(bystander, 1);
  });

  test.each([
    ['another token', { token: '0'.repeat(32) }],
    ['half a token', { token: '0'.repeat(16) }],
    ['no hexadecimal', { token: 'x'.repeat(32) }],
    ['another id', { id: '__proto__' }],
    ['more received than was sent', { received: 1000 }],
  ])('S5: with %s a new session begins', async (_name, wrong) => {
    const { port, scene, session, ticket } = await begun();
    session.send(echo(1));
    await session.frame({ id: 1 });
    await cut(session, scene);
    const { session: back, said } = await hail(port, transport, {
      resume: { ...ticket, received: 0, ...wrong },
    });
    expect([said.received, said.ticket === undefined]).toEqual([undefined, false]);
    await expectServed(back, 1);
  });

  test('S7: a ticket is good until the next has arrived for sure, and then no more', async () => {
    const { port, scene, session, ticket } = await begun();
    session.send(ackFrame(0));
    await expectServed(session, 1);
    await cut(session, scene);
    // The answer to this return may have been lost: nothing comes over the new connection.
    const lost = await hail(port, transport, { resume: { ...ticket, received: 0 } });
    expect(lost.said.received).toBeDefined();
    await cut(lost.session, scene);
    const back = await hail(port, transport, { resume: { ...ticket, received: 0 } });
    expect(back.said.received).toBeDefined();
    back.session.send(ackFrame(0));
    await expectServed(back.session, 3);
    await cut(back.session, scene);
    for (const used of [ticket, lost.said.ticket]) {
      expect((await hail(port, transport, { resume: { ...used, received: 0 } })).said).not.toHaveProperty(
        'received',
      );
    }
    const good = await hail(port, transport, { resume: { ...back.said.ticket, received: 0 } });
    expect(good.said.received).toBeDefined();
  });

  test('S7: a ticket is good for nobody else', async () => {
    const { service, port, scene, session, ticket } = await begun();
    await expectServed(session, 1);
    await cut(session, scene);
    service.io.use((socket, next) => {
      (socket.data as { identity?: unknown }).identity = 'somebody else';
      next();
    });
    expect((await hail(port, transport, { resume: { ...ticket, received: 0 } })).said).not.toHaveProperty(
      'received',
    );
  });

  test('S8: the former connection is closed, and what comes over it counts no more', async () => {
    const { port, session, ticket } = await begun();
    await expectServed(session, 1);
    const back = await hail(port, transport, { resume: { ...ticket, received: 0 } });
    session.send(echo(3));
    await session.ended;
    expect(session.takeFrames({ id: 3 })).toEqual([]);
    await expectServed(back.session, 3);
  });

  test('S9: a client that disconnects on purpose has no session any more', async () => {
    const { port, scene, session, ticket } = await begun();
    await expectServed(session, 1);
    const [socket] = scene.service.io.sockets.sockets.values();
    const gone = new Promise((resolve) => socket.once('disconnect', resolve));
    session.sendPacket(4, '1');
    await gone;
    expect((await hail(port, transport, { resume: { ...ticket, received: 0 } })).said).not.toHaveProperty(
      'received',
    );
  });

  test('S10: a server keeps, and sends, no more than its bound', async () => {
    const { session } = await begun({ maxReplay: 1024 * 1024 });
    let came = 0;
    const value = 50_000;
    for (let id = 1; id < 2 * 40; id += 2) session.send(echo(id, String(value), 'bytes'));
    // 40 values of 50 000 bytes: 2 MB, of which one MiB may come before it is acknowledged.
    while (came < 1024 * 1024) came += HEADER + (await session.frame({ type: FrameType.NEXT })).body.length;
    session.send(echo(101, '"behind"'));
    expect(session.takeFrames({ type: FrameType.NEXT })).toEqual([]);
    session.send(ackFrame(came));
    while (came < 40 * (HEADER + value))
      came += HEADER + (await session.frame({ type: FrameType.NEXT })).body.length;
    expect(jsonOf(await session.frame({ id: 101 }))).toBe('behind');
  });

  test('G1: G2: a server that closes says so, serves what comes before the answer, and nothing behind it', async () => {
    const { service, session, marks } = await begun({ drainTimeout: 10_000, retryAfter: 1234 });
    session.send(echo(1, undefined, 'held'));
    await marks.started.promise;
    const closing = service.app.close();
    const goAway = await session.frame({ type: FrameType.GOAWAY, id: 0 });
    expect([goAway.flags, goAway.body.readUInt32BE(0)]).toEqual([0, 1234]);
    await expectServed(session, 3);
    session.send(goAwayFrame(FLAG_ANSWER));
    session.send(echo(5), callFrame(FrameType.EVENT, 0, 7, { pattern: 'note', json: '1' }));
    expect(codeIn(await session.frame({ id: 5 }))).toBe('DRAINING');
    marks.release.resolve('held');
    expect(jsonOf(await session.frame({ id: 1 }))).toBe('held');
    expect(marks.notes).toEqual([]);
    session.send(valueFrame(FrameType.ERROR, FLAG_SYSTEM, 0, { code: 'CLOSED', message: 'Done.' }));
    await closing;
  });

  test('G3: a server answers a client that asks for no new calls', async () => {
    const { session, service } = await begun();
    session.send(goAwayFrame());
    expect((await session.frame({ type: FrameType.GOAWAY })).flags).toBe(FLAG_ANSWER);
    const [peer] = service.strategy.peers;
    expect((await outcomeOf(peer.send('p', 1))).error).toMatchObject({ code: 'DRAINING' });
    await expectServed(session, 1);
  });

  test('G4: a server that closes refuses new sessions, and goes on with those that it has', async () => {
    const { service, scene, port, session, ticket, marks } = await begun({ drainTimeout: 10_000 });
    session.send(echo(1, undefined, 'held'));
    await marks.started.promise;
    const closing = service.app.close();
    await session.frame({ type: FrameType.GOAWAY });
    await cut(session, scene);
    const refused = await rawClient(port, transport);
    refused.send(rawHello(HELLO_WITH_WINDOW));
    await expectSessionEnds(refused, 'DRAINING');
    const { session: back } = await hail(port, transport, { resume: { ...ticket, received: 0 } });
    marks.release.resolve('held');
    expect(jsonOf(await back.frame({ id: 1 }))).toBe('held');
    back.send(valueFrame(FrameType.ERROR, FLAG_SYSTEM, 0, { code: 'CLOSED', message: 'Done.' }));
    await closing;
  });
});

describe.each(TRANSPORTS)('towards a client over %s', (transport) => {
  const SOON = { reconnect: true, reconnectionDelay: 1, randomizationFactor: 0, maxReconnectionDelay: 5 };

  async function dialed(options: N2NClientOptions = {}) {
    const pair = await greetedPair(
      transport,
      { ...SOON, ...options },
      { ...HELLO_WITH_WINDOW, ticket: TICKET },
    );
    await pair.session.frame({ type: FrameType.ACK });
    return pair;
  }

  /** The client's next connection, with what it says in HELLO. */
  async function next(server: RawServer): Promise<{ session: RawSession; resume: unknown }> {
    const session = await server.session();
    const { body } = await session.frame({ type: FrameType.HELLO, id: 0 });
    return { session, resume: (JSON.parse(String(body.subarray(2))) as { resume?: unknown }).resume };
  }

  test('S3: a client acknowledges at once, on every connection', async () => {
    const { session, server } = await greetedPair(transport, SOON, { ...HELLO_WITH_WINDOW, ticket: TICKET });
    expect(positionIn(await session.frame({ type: FrameType.ACK }))).toBe(0);
    session.socket.destroy();
    const { session: back } = await next(server);
    back.send(rawHello({ ...HELLO_WITH_WINDOW, received: 0, ticket: TICKET }));
    expect((await back.frame({ type: FrameType.ACK })).type).toBe(FrameType.ACK);
  });

  test('S2: S5: S6: it comes back with its ticket and position, and sends again what was not received', async () => {
    const { client, session, server } = await dialed();
    const { request, outcome } = await begin(client, session, 'data');
    const credit = frame(FrameType.CREDIT, 0, 1, Buffer.concat([u32(1), u32(1)]));
    session.send(credit);
    // An answer to this one shows that the credit has come.
    session.send(echo(2));
    const answer = await session.frame({ id: 2 });
    session.socket.destroy();
    const { session: back, resume } = await next(server);
    expect(resume).toEqual({ ...TICKET, received: credit.length + echo(2).length });
    back.send(rawHello({ ...HELLO_WITH_WINDOW, received: ACK_BYTES, ticket: TICKET }));
    expect(await back.frame({ type: FrameType.REQUEST })).toEqual(request);
    expect(await back.frame({ id: 2 })).toEqual(answer);
    back.send(valueFrame(FrameType.NEXT, FLAG_LAST, request.id, 'answer'));
    expect(await outcome).toEqual({ values: ['answer'] });
  });

  test('S5: where the server no longer has the session, its calls fail, and a new one has begun', async () => {
    const { client, session, server } = await dialed();
    const { outcome } = await begin(client, session);
    session.socket.destroy();
    const { session: back } = await next(server);
    back.send(rawHello({ ...HELLO_WITH_WINDOW, ticket: TICKET }));
    expect((await outcome).error).toMatchObject({ code: 'CONNECTION_LOST' });
    const again = await begin(client, back);
    back.send(valueFrame(FrameType.NEXT, FLAG_LAST, again.request.id, 'fine'));
    expect(await again.outcome).toEqual({ values: ['fine'] });
  });

  test('S5: a server that claims to have received what was not sent is left, and the calls fail', async () => {
    const { client, session, server } = await dialed();
    const { outcome } = await begin(client, session);
    session.socket.destroy();
    const { session: back } = await next(server);
    back.send(rawHello({ ...HELLO_WITH_WINDOW, received: 100_000, ticket: TICKET }));
    expect((await outcome).error).toMatchObject({ code: 'CONNECTION_LOST' });
    await expectSessionEnds(back, 'PROTOCOL_ERROR');
  });

  test('S9: a client that cannot come back within the window gives up', async () => {
    const { client, session, server } = await dialed({ resumeWindow: 30 });
    const { outcome } = await begin(client, session);
    session.socket.destroy();
    const failed: unknown = (await outcome).error;
    expect(failed).toBeInstanceOf(N2NError);
    expect(failed).toMatchObject({ code: 'CONNECTION_LOST', details: { window: 30 } });
    expect((await next(server)).session).toBeDefined();
  });

  test('S9: so does one whose window passes as it waits for HELLO, and it begins a new session at once', async () => {
    const { client, session, server } = await dialed({ resumeWindow: 100 });
    const { outcome } = await begin(client, session);
    session.socket.destroy();
    const { session: back, resume } = await next(server);
    expect(resume).toBeDefined();
    expect((await outcome).error).toMatchObject({ code: 'CONNECTION_LOST', details: { window: 100 } });
    // The server's HELLO would come now.
    await expectSessionEnds(back, 'CONNECTION_LOST');
    const { session: fresh, resume: none } = await next(server);
    expect(none).toBeUndefined();
    fresh.send(rawHello({ ...HELLO_WITH_WINDOW, ticket: TICKET }));
    const again = await begin(client, fresh);
    fresh.send(valueFrame(FrameType.NEXT, FLAG_LAST, again.request.id, 'fine'));
    expect(await again.outcome).toEqual({ values: ['fine'] });
  });

  test('G1: G3: a client answers GOAWAY behind its last call, and ends the session when none is left', async () => {
    const { client, session } = await dialed();
    const { request, outcome } = await begin(client, session);
    session.send(goAwayFrame(0, 50));
    expect((await session.frame({ type: FrameType.GOAWAY })).flags).toBe(FLAG_ANSWER);
    const waiting = outcomeOf(client.send('p', 'later'));
    session.send(valueFrame(FrameType.NEXT, FLAG_LAST, request.id, 'last'));
    expect(await outcome).toEqual({ values: ['last'] });
    await expectSessionEnds(session, 'CLOSED');
    expect(session.takeFrames({ type: FrameType.REQUEST })).toEqual([]);
    session.socket.end();
    await client.close();
    expect((await waiting).error).toMatchObject({ code: 'CLOSED' });
  });

  test('G4: a client that is refused tries again', async () => {
    const server = await rawServer();
    const client = clientOf(server, transport, SOON);
    const connected = client.connect().catch((error: unknown) => error);
    const first = await next(server);
    first.session.send(valueFrame(FrameType.ERROR, FLAG_SYSTEM, 0, { code: 'DRAINING', message: 'm' }));
    expect(await connected).toMatchObject({ code: 'DRAINING' });
    first.session.socket.end();
    expect((await next(server)).session).toBeDefined();
  });
});
