import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { N2NServer } from '../../../src/index.js';
import { NodeClient } from '../../../src/node.js';
import { n2nErrorThrown } from '../../support/outcome.js';
import { HOST, portOf, proveNothingIsLeft, atEnd } from '../../support/harness.js';
import { next } from './suites/events.js';
import { nodeTransportPlace, tlsPlace, unixPlace, websocketPlace } from './place.js';

function detached(): ArrayBuffer {
  const buffer = new ArrayBuffer(8);
  structuredClone(buffer, { transfer: [buffer] });
  return buffer;
}

function detachedView(): Uint8Array {
  const view = new Uint8Array(8);
  structuredClone(view.buffer, { transfer: [view.buffer] });
  return view;
}

const VALUES: readonly [string, () => unknown][] = [
  ['a Blob', () => new Blob(['x'])],
  ['a File', () => new File(['x'], 'x.txt')],
  ['an ArrayBuffer that was transferred', detached],
  ['a view of one', detachedView],
];

const PLACES = { nodeTransport: nodeTransportPlace, TLS: tlsPlace, 'a Unix socket': unixPlace } as const;

describe.each(Object.entries(PLACES))('a value that no transport can write, over %s', (_name, open) => {
  proveNothingIsLeft();

  test.each(VALUES.slice(0, 3))('ends the connection of its sender alone: %s', async (_what, value) => {
    const served = await open();
    const { io } = served;
    const [sender, other] = [served.client(), served.client()];
    await Promise.all([next(sender, 'connect'), next(other, 'connect')]);
    const closed = next(sender, 'disconnect');
    sender.emit('event', value());
    expect((await closed)[0]).toBe('transport error');
    const socket = io.sockets.sockets.get(other.id ?? '');
    const lost = next(other, 'disconnect');
    socket?.emit('event', value());
    await lost;
    const third = served.client();
    await next(third, 'connect');
  });

  test('which Engine.IO takes for text is text', async () => {
    const served = await open();
    const { io } = served;
    const accepted = once(io, 'connection');
    const socket = served.client();
    await next(socket, 'connect');
    const [{ conn }] = await accepted;
    const received = new Promise((resolve) => socket.io.engine.once('data', resolve));
    conn.send(7);
    expect(await received).toBe('7');
  });
});

describe.each(['nodeTransport', 'websocket'] as const)('over %s, is refused at once', (transport) => {
  proveNothingIsLeft();
  const place = transport === 'nodeTransport' ? nodeTransportPlace : websocketPlace;

  test.each(VALUES)('by NodeClient.send(): %s', async (_what, value) => {
    const { io, http } = await place();
    const client = new NodeClient(HOST, portOf(http), { transports: [transport], logging: false });
    atEnd(() => client.disconnect());
    const accepted = once(io, 'connection');
    client.connect();
    await once(client, 'connect');
    const [socket] = await accepted;
    const message = once(socket, 'message');
    expect(n2nErrorThrown(() => client.send(value()), 'NOT_SERIALIZABLE').message).toContain(
      'cannot be sent',
    );
    const nested = (): void => client.send({ list: [{ file: value() }] });
    expect(n2nErrorThrown(nested, 'NOT_SERIALIZABLE').message).toContain('"list.0.file"');
    client.send('still there');
    expect((await message)[0]).toBe('still there');
  });
});

test.each(VALUES)('server.broadcast() refuses %s', (_what, value) => {
  const server = new N2NServer({ port: 0 });
  n2nErrorThrown(() => server.broadcast('news', value()), 'NOT_SERIALIZABLE');
  n2nErrorThrown(() => server.broadcast('news', { within: [value()] }), 'NOT_SERIALIZABLE');
});
