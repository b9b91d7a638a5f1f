import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { opening, openRaw, packet, rawClient, reset, startTarget } from './target.js';
import { proveNothingIsLeft } from '../../support/harness.js';

const LIMIT = 100_000;
const [PING, PONG, MESSAGE] = [2, 3, 4];
const BINARY = 0x80;

describe('a packet that is wrong', () => {
  proveNothingIsLeft();

  it.each<[string, Buffer, RegExp]>([
    ['is one byte too long', packet(MESSAGE, '', LIMIT + 1), /100001 bytes; at most 100000/],
    [
      'has a length that a signed reader would take as the least',
      packet(MESSAGE, '', 2 ** 31),
      /2147483648 bytes/,
    ],
    [
      'has a length that a signed reader would take as -1',
      packet(MESSAGE, '', 2 ** 32 - 1),
      /4294967295 bytes/,
    ],
    ['has a length just below these', packet(MESSAGE, '', 2 ** 31 - 1), /2147483647 bytes/],
    ['is binary and too long', packet(MESSAGE | BINARY, '', LIMIT + 1), /100001 bytes/],
    ['is of type 7', packet(7), /Unknown packet type 0x7/],
    ['is of type 127', packet(127, 'x'), /Unknown packet type 0x7f/],
    ['is a binary ping', packet(PING | BINARY), /Unknown packet type 0x82/],
    ['is of type 255', packet(255, '', 2 ** 32 - 1), /Unknown packet type 0xff/],
    ['is a ping, which is the server’s to send', packet(PING), /invalid heartbeat direction/],
    ['follows good ones in one read', Buffer.concat([packet(PONG), packet(MESSAGE, '0'), packet(9)]), /0x9/],
  ])('that %s ends its connection, with the reason in the log', async (_case, bytes, log) => {
    const target = await startTarget({ maxHttpBufferSize: LIMIT });
    const client = await openRaw(target.port);
    client.socket.write(bytes);
    await client.answer;
    const line = await target.logger.line(/closed/);
    expect(line).toMatch(/^warn a connection was closed: transport error \(/);
    expect(line).toMatch(log);
    client.socket.destroy();
    await target.expectUnharmed();
  });

  it.each<[string, Buffer]>([
    ['half a header', Buffer.from([MESSAGE, 0, 0])],
    ['a header and no data', packet(MESSAGE, '', 1_000)],
    ['a header and half of the data', packet(MESSAGE, 'x'.repeat(500), 1_000)],
    ['nothing at all', Buffer.alloc(0)],
  ])('of which %s comes and then silence ends with the heartbeat', async (_case, bytes) => {
    const target = await startTarget({ pingInterval: 20, pingTimeout: 30 });
    const client = await openRaw(target.port);
    client.socket.write(bytes);
    await client.answer;
    expect(await target.logger.line(/closed/)).toBe('warn a connection was closed: ping timeout');
    client.socket.destroy();
  });

  it('ends its connection within a second, even if the client never ends its half', async () => {
    const target = await startTarget();
    const accepted = once(target.http, 'connection');
    const client = await openRaw(target.port);
    const [server] = await accepted;
    const closed = once(server, 'close');
    client.socket.write(packet(PING));
    await closed;
    await target.expectUnharmed();
  });

  it('of Engine.IO that a server has no use for is ignored', async () => {
    const target = await startTarget();
    const client = await openRaw(target.port);
    for (const kind of [0, 1, PONG, 5, 6]) client.socket.write(packet(kind, 'x'));
    client.socket.write(packet(MESSAGE, '0'));
    await client.seen('0{');
    client.socket.destroy();
    await target.expectUnharmed();
  });

  it.each([
    '',
    '9',
    '2',
    '2[',
    '2{}',
    '2["connect"]',
    '2["__proto__"]',
    '51-',
    '5-["x"]',
    '599999999999-["x"]',
    '52-["x",{"_placeholder":true,"num":9}]',
    '0{"__proto__":{"x":1}}',
    '0[1]',
    '1',
    '4{"message":"x"}',
    '0/__proto__,',
    '0/constructor,{}',
    '3-1[]',
    '31e400[]',
  ])('of Socket.IO, %j, ends its connection at most', async (text) => {
    const target = await startTarget({ connectTimeout: 30 });
    const client = await openRaw(target.port);
    client.socket.write(packet(MESSAGE, text));
    // What is let pass is followed by one that is not.
    client.socket.write(packet(7));
    await client.answer;
    client.socket.destroy();
    await target.expectUnharmed();
    expect(Object.prototype).not.toHaveProperty('x');
  });

  it('comes from many at once, and harms nobody else', async () => {
    const target = await startTarget();
    const clients = await Promise.all(Array.from({ length: 50 }, () => openRaw(target.port)));
    for (const { socket } of clients) socket.write(packet(7));
    await Promise.all(clients.map(({ answer }) => answer));
    await target.expectUnharmed();
  });
});

describe('a client that leaves', () => {
  proveNothingIsLeft();

  it.each(['ends its half', 'destroys', 'resets'] as const)(
    'and %s after its handshake is gone',
    async (how) => {
      const target = await startTarget();
      const client = await openRaw(target.port);
      if (how === 'ends its half') client.socket.end();
      else if (how === 'destroys') client.socket.destroy();
      else reset(client.socket);
      await client.answer;
      await target.expectUnharmed();
    },
  );

  it('and ends its half with its request is gone', async () => {
    const target = await startTarget();
    const client = rawClient(target.port);
    client.socket.end(opening());
    await client.answer;
    await target.expectUnharmed();
  });
});

/** What an application might do, with a value that came from elsewhere. */
const addHeaders = (headers: Record<string, unknown>): void => {
  headers['X-Odd'] = 'a\r\nX-Injected: yes';
  headers['X-List'] = ['one', 'two'];
};

describe('an engine middleware that answers by itself', () => {
  proveNothingIsLeft();

  it.each([
    ['401', 'who are you?'],
    ['302', ''],
  ])('with %s has its answer delivered, and the connection closed', async (status, text) => {
    const target = await startTarget();
    target.io.engine.use((_request: unknown, response: ServerResponse) => {
      response.writeHead(Number(status), { 'X-Why': 'because' });
      response.end(text);
    });
    const client = rawClient(target.port);
    client.socket.write(opening());
    const answer = await client.answer;
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer).toContain('X-Why: because');
    expect(answer).toContain(text);
    await target.expectUnharmed();
  });

  it('sets headers that cannot start others', async () => {
    const target = await startTarget();
    target.io.engine.on('headers', addHeaders);
    const client = rawClient(target.port);
    client.socket.write(opening());
    await client.seen('"sid":');
    client.socket.destroy();
    const head = (await client.answer).split('\r\n');
    expect(head).toContain('X-Odd: aX-Injected: yes');
    expect(head).toContain('X-List: one');
    expect(head).toContain('X-List: two');
    target.io.engine.off('headers', addHeaders);
    await target.expectUnharmed();
  });
});
