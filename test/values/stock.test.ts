import { RpcException } from '@nestjs/microservices';
import { of } from 'rxjs';
import { io, type Socket } from 'socket.io-client';
import { describe, expect, test } from 'vitest';
import { atEnd, deferred, proveNothingIsLeft } from '../support/harness.js';
import { n2nErrorOf, n2nErrorThrown } from '../support/outcome.js';
import { scripted, type Handle } from '../support/scripted.js';
import { BUILDERS, startClient, startService, type Service } from '../support/service.js';

async function start(call: Handle, event?: Handle): Promise<{ service: Service; stock: Socket }> {
  const service = await startService(scripted(call, event));
  const stock = io(service.url, { transports: ['websocket'], reconnection: false, forceNew: true });
  atEnd(() => stock.disconnect());
  await new Promise<void>((resolve) => stock.once('connect', resolve));
  return { service, stock };
}

const REFUSED: readonly [string, () => unknown, RegExp][] = [
  ['a Map', () => ({ list: [new Map([[1, 2]])] }), /A Map at "list\[0\]" cannot be written as JSON/],
  ['an Observable', () => ({ list: [of(1)] }), /An Observable at "list\[0\]"/],
  ['a function', () => ({ list: [() => 1] }), /A function at "list\[0\]"/],
  ['typed numbers', () => ({ list: [new Float32Array(1)] }), /A Float32Array at "list\[0\]"/],
  ['a Blob', () => ({ list: [new Blob(['x'])] }), /A Blob at "list\[0\]".*arrayBuffer/],
];

const BYTES: readonly [string, () => unknown][] = [
  ['an ArrayBuffer', () => new Uint8Array([1, 255]).buffer],
  ['a SharedArrayBuffer', () => new SharedArrayBuffer(2)],
  ['a DataView', () => new DataView(new Uint8Array([0, 1, 255]).buffer, 1)],
];

describe('a stock client is told the same as an N2N client', () => {
  proveNothingIsLeft();

  test.each(REFUSED)('of an answer with %s, and the service logs it', async (name, make, message) => {
    const { service, stock } = await start((isError: boolean) => {
      if (isError) throw new RpcException(make() as object);
      return make();
    });
    const answer = {
      status: 'error',
      code: 'NOT_SERIALIZABLE',
      message: expect.stringMatching(message) as unknown,
    };
    expect(await stock.emitWithAck('call', false)).toEqual(answer);
    expect(await service.log.line(message)).toMatch(/^error.*The answer to "call"/);
    // Of an error, functions are left out, as over TCP.
    const told = (await stock.emitWithAck('call', true)) as { code?: unknown };
    expect(told.code).toBe(name === 'a function' ? undefined : 'NOT_SERIALIZABLE');
    expect(await stock.emitWithAck('echo', 1)).toBe(1);
  });

  test.each(BYTES)('%s is bytes', async (_name, make) => {
    const { stock } = await start(() => ({ bytes: make() }));
    const { bytes } = (await stock.emitWithAck('call', 1)) as { bytes: unknown };
    expect(Buffer.from(bytes as Buffer)).toHaveLength(2);
  });

  test.each(REFUSED)('a call to it with %s is refused', async (_name, make, message) => {
    const { service, stock } = await start(() => 1);
    const peer = service.strategy.peers.get(stock.id ?? '');
    if (peer === undefined) throw new Error('no peer');
    expect((await n2nErrorOf(peer.send('event', make()), 'NOT_SERIALIZABLE')).message).toMatch(message);
    expect((await n2nErrorOf(peer.emit('event', make()), 'NOT_SERIALIZABLE')).message).toMatch(message);
  });
});

describe.each(BUILDERS)('broadcasts, over $name', (builder) => {
  proveNothingIsLeft();

  test.each([
    ...REFUSED,
    ['a function alone', () => () => 1, /^The broadcast "event" cannot be sent. A function cannot/],
  ])('refuse %s', async (_name, make, message) => {
    const { service } = await start(() => 1);
    const { strategy } = service;
    expect(n2nErrorThrown(() => strategy.broadcast('event', make()), 'NOT_SERIALIZABLE').message).toMatch(
      message,
    );
  });

  test('take the bytes that a call takes', async () => {
    const arrived = deferred<unknown>();
    const { service, stock } = await start(() => 1);
    const n2n = startClient(service.url, { transports: [builder.name] });
    await n2n.connect();
    n2n.unwrap().socket?.once('event', (data: unknown) => arrived.resolve(data));
    const alsoArrived = new Promise((resolve) => stock.once('event', resolve));
    const bytes = Buffer.from([1, 255]);
    service.strategy.broadcast('event', {
      list: [Uint8Array.from(bytes).buffer, new DataView(Uint8Array.from(bytes).buffer)],
    });
    for (const data of [await arrived.promise, await alsoArrived]) {
      const { list } = data as { list: Buffer[] };
      expect(list.map((one) => Buffer.from(one))).toEqual([bytes, bytes]);
    }
  });
});
