import { describe, expect, it } from 'vitest';
import type { Server } from 'socket.io';
import { freePort, proveNothingIsLeft } from '../../support/harness.js';
import { clientsOver, TRANSPORTS, startServer } from '../harness.js';

/** What the server receives until a message `end`. */
function receivedUntilEnd(io: Server): Promise<unknown[]> {
  return new Promise((resolve) => {
    const received: unknown[] = [];
    io.on('connection', (socket) => {
      socket.on('message', (data) => {
        if (data === 'end') resolve(received);
        else received.push(data);
      });
    });
  });
}

describe.each(TRANSPORTS)('NodeClient.send(), over %s', (transport) => {
  const startClient = clientsOver(transport);
  proveNothingIsLeft();

  it('keeps what is sent before there is a connection, and sends it in order, each once', async () => {
    const { io, port } = await startServer();
    const received = receivedUntilEnd(io);
    const { client, next } = startClient(port);
    for (let index = 0; index < 500; index += 1) client.send({ index });
    client.connect();
    for (let index = 500; index < 1000; index += 1) client.send({ index });
    client.once('connect', () => client.send({ index: 1000 }));
    await next('connect');
    client.send('end');
    expect(await received).toEqual(Array.from({ length: 1001 }, (_, index) => ({ index })));
  });

  it('keeps what is sent between two connections, and does not repeat what went before', async () => {
    const { io, port } = await startServer();
    const received = receivedUntilEnd(io);
    const { client, clock, next } = startClient(port);
    client.connect();
    await next('connect');
    io.once('connection', () => {});
    const acknowledged = client.socket?.emitWithAck('ready?');
    io.sockets.sockets.forEach((socket) => socket.on('ready?', (answer: () => void) => answer()));
    client.send('first');
    await acknowledged?.catch(() => {});
    io.disconnectSockets(true);
    await next('reconnecting');
    client.send('second');
    client.send('third');
    clock.advance(500);
    client.send('fourth');
    await next('reconnect');
    client.send('end');
    expect(await received).toEqual(['first', 'second', 'third', 'fourth']);
  });

  it('sends binary, nested too, and anything that JSON knows', async () => {
    const { io, port } = await startServer();
    const received = receivedUntilEnd(io);
    const { client, next } = startClient(port);
    const messages = [Buffer.from('bytes'), { nested: [Buffer.from('more')] }, 'text', 7, null, [1, 2], true];
    for (const message of messages) client.send(message);
    client.connect();
    await next('connect');
    client.send('end');
    expect(await received).toEqual(messages);
  });

  it('takes maxBuffered messages and throws OVERLOADED beyond them', async () => {
    const { io, port } = await startServer();
    const received = receivedUntilEnd(io);
    const { client, next } = startClient(port, { maxBuffered: 3 });
    for (const message of [1, 2, 3]) client.send(message);
    expect(() => client.send(4)).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
    client.connect();
    expect(() => client.send(5)).toThrow(/maxBuffered/);
    await next('connect');
    client.send(6);
    client.send('end');
    expect(await received).toEqual([1, 2, 3, 6]);
  });

  it('takes 10 000 by default, and none with 0', () => {
    const { client } = startClient(1);
    for (let index = 0; index < 10_000; index += 1) client.send(index);
    expect(() => client.send(10_000)).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
    const none = startClient(1, { maxBuffered: 0 });
    expect(() => none.client.send(0)).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
  });

  it('drops what waits at disconnect(), and says so', async () => {
    const { io, port } = await startServer();
    const received = receivedUntilEnd(io);
    const { client, lines, next } = startClient(port);
    client.send('dropped');
    client.disconnect();
    expect(lines).toContain('warn disconnect() drops 1 messages that were not sent yet');
    client.connect();
    await next('connect');
    client.send('end');
    expect(await received).toEqual([]);
  });

  it('keeps what waits when it gives up', async () => {
    const { client, next } = startClient(await freePort(), { reconnect: false, maxBuffered: 1 });
    client.send('kept');
    client.connect();
    await next('error');
    expect(() => client.send('no room')).toThrow(/maxBuffered/);
  });

  it('throws NOT_SERIALIZABLE for what cannot be encoded, and goes on', async () => {
    const { io, port } = await startServer();
    const received = receivedUntilEnd(io);
    const { client, next } = startClient(port);
    client.connect();
    await next('connect');
    const notSerializable = expect.objectContaining({ code: 'NOT_SERIALIZABLE' });
    const circular: { self?: unknown } = {};
    circular.self = circular;
    for (const message of [circular, 1n, () => {}, Symbol('s')]) {
      expect(() => client.send(message)).toThrow(notSerializable);
    }
    client.send('after');
    client.send('end');
    expect(await received).toEqual(['after']);
  });

  it('tells of a buffered message that cannot be encoded with an error, and sends the others', async () => {
    const { io, port } = await startServer();
    const received = receivedUntilEnd(io);
    const { client, errors, events, next } = startClient(port);
    client.send('before');
    client.send(1n);
    client.send('after');
    expect(() => client.send(() => {})).toThrow(expect.objectContaining({ code: 'NOT_SERIALIZABLE' }));
    client.connect();
    await next('error');
    client.send('end');
    expect(await received).toEqual(['before', 'after']);
    expect(events).toEqual([['connect'], ['error', 'send']]);
    expect(errors[0].cause).toMatchObject({ code: 'NOT_SERIALIZABLE' });
  });

  it('keeps a message that Socket.IO would not send any more, since no ping came', async () => {
    const { io, port } = await startServer({ pingInterval: 20, pingTimeout: 30 });
    const { client, clock, next } = startClient(port);
    client.connect();
    await next('connect');
    // A turn that lasts longer than both: Engine.IO finds its deadline passed at the next `send`.
    const end = performance.now() + 100;
    while (performance.now() < end);
    const lost = next('reconnecting');
    client.send('kept');
    expect(client.connected).toBe(true);
    const received = receivedUntilEnd(io);
    await lost;
    clock.advance(500);
    await next('reconnect');
    client.send('end');
    expect(await received).toEqual(['kept']);
  });
});

describe.each(TRANSPORTS)('the event message, over %s', (transport) => {
  const startClient = clientsOver(transport);
  proveNothingIsLeft();

  it('brings what the server sends, in order, from the first on', async () => {
    const { io, port } = await startServer();
    io.on('connection', (socket) => {
      for (let index = 0; index < 100; index += 1) socket.send(index);
      socket.send('last');
    });
    const { client, events } = startClient(port);
    const last = new Promise<void>((resolve) => client.on('message', (data) => data === 'last' && resolve()));
    client.connect();
    await last;
    const expected = [...Array.from({ length: 100 }, (_, index) => ['message', index]), ['message', 'last']];
    expect(events).toEqual([['connect'], ...expected]);
  });

  it('brings further arguments, and the acknowledgement callback', async () => {
    const { io, port } = await startServer();
    const answer = new Promise((resolve) => {
      io.on('connection', (socket) => {
        socket
          .timeout(5000)
          .emit('message', 'question', 2, (_error: unknown, reply: unknown) => resolve(reply));
      });
    });
    const { client } = startClient(port);
    client.on('message', (data, more, acknowledge) => {
      if (typeof acknowledge === 'function') acknowledge([data, more]);
    });
    client.connect();
    expect(await answer).toEqual(['question', 2]);
  });
});
