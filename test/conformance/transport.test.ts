import { describe, expect, test } from 'vitest';
import { FrameType } from '../../src/protocol/frames/frame.js';
import { callFrame } from '../support/frames.js';
import { HOST, proveNothingIsLeft, turn } from '../support/harness.js';
import {
  greetedClient,
  rawClient,
  rawSocket,
  readHead,
  upgradeRequest,
  type TransportName,
} from '../support/raw/client.js';
import { expectCalls, expectServed } from '../support/raw/expectations.js';
import { PacketKind } from '../support/raw/framing.js';
import { acceptUpgrade, clientOf, greetedPair, rawServer } from '../support/raw/server.js';
import { rawHello } from '../support/raw/session.js';
import { startScene } from './scene.js';

proveNothingIsLeft();

const NODE: TransportName = 'nodeTransport';

/** The head of what a server answers to these bytes. */
async function answerTo(port: number, bytes: string | Buffer): Promise<string> {
  const socket = await rawSocket(port);
  socket.write(bytes);
  const { head } = await readHead(socket);
  socket.end();
  return head;
}

function packetHeader(kind: number, length: number): Buffer {
  const header = Buffer.alloc(5);
  header[0] = kind;
  header.writeUInt32BE(length, 1);
  return header;
}

describe('towards a server', () => {
  test('T1: the Upgrade is answered with 101 and the token', async () => {
    const { port } = await startScene();
    const head = await answerTo(port, upgradeRequest(NODE));
    expect(head).toMatch(/^HTTP\/1\.1 101 /);
    expect(head).toMatch(/^upgrade: node-transport$/im);
    expect(head).toMatch(/^connection: upgrade$/im);
  });

  test.each([
    ['another revision of Engine.IO', { query: 'EIO=3&transport=nodeTransport' }],
    ['another transport', { query: 'EIO=4&transport=nope' }],
    ['another token', { headers: ['Upgrade: nope'] }],
  ])('T1: %s is refused with an HTTP response', async (_name, request) => {
    const { port } = await startScene();
    const bystander = await greetedClient(port, NODE);
    expect(await answerTo(port, upgradeRequest(NODE, request))).toMatch(/^HTTP\/1\.1 4\d\d /);
    await expectServed(bystander, 1);
  });

  test('T2: a query with a sid is refused', async () => {
    const { port } = await startScene();
    const bystander = await greetedClient(port, NODE);
    const query = 'EIO=4&transport=nodeTransport&sid=whatever';
    expect(await answerTo(port, upgradeRequest(NODE, { query }))).toMatch(/^HTTP\/1\.1 4\d\d /);
    await expectServed(bystander, 1);
  });

  test('T3: a byte between the request and the 101 is refused', async () => {
    const { port } = await startScene();
    expect(await answerTo(port, `${upgradeRequest(NODE)}x`)).toMatch(/^HTTP\/1\.1 4\d\d /);
  });

  test('T4: a length over the limit ends the connection, before anything of the packet came', async () => {
    const { port } = await startScene({ maxPayload: 1024 });
    const bystander = await greetedClient(port, NODE);
    const session = await greetedClient(port, NODE);
    session.socket.write(packetHeader(0x84, 0xffff_ffff));
    await session.ended;
    await expectServed(bystander, 1);
  });

  test.each([
    ['an unknown type', 7],
    ['a binary ping', 0x82],
  ])('T5: %s ends the connection', async (_name, kind) => {
    const { port } = await startScene();
    const bystander = await greetedClient(port, NODE);
    const session = await greetedClient(port, NODE);
    session.socket.write(packetHeader(kind, 0));
    await session.ended;
    await expectServed(bystander, 1);
  });

  test('T6: bytes that come one by one mean the same, and so do packets that come together', async () => {
    const { port } = await startScene();
    const session = await rawClient(port, NODE);
    session.socket.setNoDelay(true);
    const request = callFrame(FrameType.REQUEST, 0, 1, { pattern: 'echo', json: '1' });
    const bytes = Buffer.concat([
      session.bytesOf(PacketKind.MESSAGE, rawHello()),
      session.bytesOf(PacketKind.MESSAGE, request),
    ]);
    for (const byte of bytes) {
      session.socket.write(Buffer.from([byte]));
      await turn();
    }
    expect(String((await session.frame({ id: 1 })).body)).toBe('1');
    session.socket.write(
      Buffer.concat([
        session.bytesOf(
          PacketKind.MESSAGE,
          callFrame(FrameType.REQUEST, 0, 3, { pattern: 'echo', json: '3' }),
        ),
        session.bytesOf(
          PacketKind.MESSAGE,
          callFrame(FrameType.REQUEST, 0, 5, { pattern: 'echo', json: '5' }),
        ),
      ]),
    );
    expect(String((await session.frame({ id: 3 })).body)).toBe('3');
    expect(String((await session.frame({ id: 5 })).body)).toBe('5');
  });

  test('T7: a client that ends its half gets the end of the other', async () => {
    const { port } = await startScene();
    const session = await greetedClient(port, NODE);
    session.socket.end();
    await session.ended;
  });

  test('T7: a server that is closed ends its half', async () => {
    const { port, service } = await startScene();
    const session = await greetedClient(port, NODE);
    const closed = service.app.close();
    await session.ended;
    session.socket.end();
    await closed;
  });
});

describe('towards a client', () => {
  test('T1: a client asks for the Upgrade as it is written', async () => {
    const server = await rawServer();
    const connected = clientOf(server, NODE).connect();
    const { socket, head } = await server.connection();
    expect(head).toMatch(/^GET \/socket\.io\/\?\S* HTTP\/1\.1\r\n/);
    const query = new URL(head.split(' ')[1] ?? '', `http://${HOST}`).searchParams;
    expect([query.get('EIO'), query.get('transport'), query.has('sid')]).toEqual(['4', NODE, false]);
    expect(head).toMatch(/^upgrade: node-transport$/im);
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
    await expect(connected).rejects.toMatchObject({ code: 'CONNECT_FAILED' });
  });

  test('T3: a client sends nothing before the 101', async () => {
    const server = await rawServer();
    const client = clientOf(server, NODE);
    const connected = client.connect();
    const { socket, head, rest } = await server.connection();
    const early: Buffer[] = [rest];
    const collect = (bytes: Buffer): void => void early.push(bytes);
    socket.on('data', collect);
    for (let turns = 0; turns < 50; turns++) await turn();
    socket.off('data', collect);
    expect(Buffer.concat(early)).toHaveLength(0);
    const session = await acceptUpgrade(socket, head, Buffer.alloc(0));
    session.send(rawHello());
    await connected;
    await session.frame({ type: FrameType.HELLO });
    await expectCalls(client, session);
  });

  test.each([
    ['T4: a length over the limit that was told', 0x84, 0xffff_ffff],
    ['T5: an unknown type', 7, 0],
    ['T5: a binary ping', 0x82, 0],
  ])('%s ends the connection', async (_name, kind, length) => {
    const { client, session } = await greetedPair(NODE);
    const lost = new Promise((resolve) => client.on('disconnect', resolve));
    session.socket.write(packetHeader(kind, length));
    await session.ended;
    session.socket.end();
    await lost;
  });

  test('T6: bytes that come one by one mean the same', async () => {
    const server = await rawServer();
    const client = clientOf(server, NODE);
    const connected = client.connect();
    const session = await server.session();
    session.socket.setNoDelay(true);
    for (const byte of session.bytesOf(PacketKind.MESSAGE, rawHello())) {
      session.socket.write(Buffer.from([byte]));
      await turn();
    }
    await connected;
    await session.frame({ type: FrameType.HELLO });
    await expectCalls(client, session);
  });

  test('T7: a client ends its half when the other side has, and when it is closed', async () => {
    const { session } = await greetedPair(NODE);
    session.socket.end();
    await session.ended;
    const other = await greetedPair(NODE);
    void other.client.close();
    await other.session.ended;
    other.session.socket.end();
  });
});
