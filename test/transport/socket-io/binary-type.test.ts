import { describe, expect, it } from 'vitest';
import { proveNothingIsLeft } from '../../support/harness.js';
import { connected, next } from './suites/events.js';
import { nodeTransportPlace, tlsPlace, websocketPlace, type Place } from './place.js';

describe.each<[string, Place]>([
  ['nodeTransport', nodeTransportPlace],
  ['nodeTransport over TLS', tlsPlace],
  ['websocket', websocketPlace],
])("Engine.IO's binaryType over %s", (_name, place) => {
  proveNothingIsLeft();

  it('gives an ArrayBuffer of exactly the bytes where the client asks for one', async () => {
    const { client, server } = await connected(await place());
    client.io.engine.binaryType = 'arraybuffer';
    const heard = next(client, 'bytes');
    server.emit('bytes', Buffer.from([1, 2, 3]), { nested: Buffer.alloc(100_000, 7) }, Buffer.alloc(0));
    const [first, second, third] = (await heard) as [ArrayBuffer, { nested: ArrayBuffer }, ArrayBuffer];
    for (const each of [first, second.nested, third]) expect(each).toBeInstanceOf(ArrayBuffer);
    expect([...new Uint8Array(first)]).toEqual([1, 2, 3]);
    expect(Buffer.alloc(100_000, 7).equals(Buffer.from(second.nested))).toBe(true);
    expect(third.byteLength).toBe(0);
  });

  it('gives a message of Engine.IO as an ArrayBuffer, and a text as a text', async () => {
    const { client, server } = await connected(await place());
    const { engine } = client.io;
    engine.binaryType = 'arraybuffer';
    const heard: unknown[] = [];
    const both = new Promise<void>((resolve) => {
      // In place of the Manager's, to which these are no packets of Socket.IO.
      engine.off('data');
      engine.on('data', (data) => {
        if (heard.push(data) === 2) resolve();
      });
    });
    server.conn.write(Buffer.from([4, 5]));
    server.conn.write('text');
    await both;
    expect([...new Uint8Array(heard[0] as ArrayBuffer)]).toEqual([4, 5]);
    expect(heard[0]).toBeInstanceOf(ArrayBuffer);
    expect(heard[1]).toBe('text');
  });

  it('gives a Buffer otherwise, and again when it is asked for', async () => {
    const { client, server } = await connected(await place());
    const ask = async (): Promise<unknown> => {
      const heard = next(client, 'bytes');
      server.emit('bytes', Buffer.from([1]));
      return (await heard)[0];
    };
    expect(await ask()).toBeInstanceOf(Buffer);
    client.io.engine.binaryType = 'arraybuffer';
    expect(await ask()).toBeInstanceOf(ArrayBuffer);
    client.io.engine.binaryType = 'nodebuffer';
    expect(await ask()).toBeInstanceOf(Buffer);
  });
});
