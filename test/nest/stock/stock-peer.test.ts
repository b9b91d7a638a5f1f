import { lastValueFrom, of } from 'rxjs';
import { io, type Socket } from 'socket.io-client';
import { describe, expect, test, vi } from 'vitest';
import { N2NRecordBuilder, type N2NServerOptions, type PeerClient } from '../../../src/index.js';
import { stopTheClock } from '../../support/fake-time.js';
import { atEnd, deferred, proveNothingIsLeft } from '../../support/harness.js';
import { asN2NError, n2nErrorOf, outcomeOf } from '../../support/outcome.js';
import { NO_HANDLERS } from '../../support/scripted.js';
import { startService } from '../../support/service.js';

/** A stock client, and what a service has to call it with. */
async function start(options: N2NServerOptions = {}): Promise<{ stock: Socket; peer: PeerClient }> {
  const service = await startService(NO_HANDLERS, options);
  const stock = io(service.url, { transports: ['websocket'], reconnection: false, forceNew: true });
  atEnd(() => stock.disconnect());
  await new Promise<void>((resolve) => stock.once('connect', resolve));
  const peer = service.strategy.peers.get(stock.id ?? '');
  if (peer === undefined) throw new Error('no peer');
  return { stock, peer };
}

type Acknowledge = (answer?: unknown) => void;

/** How many calls the service keeps for the client, which no user can see. */
function keptOf(peer: PeerClient): number {
  const { underWay } = (peer as unknown as { defaults: { caller: { underWay?: unknown } } }).defaults.caller;
  if (!(underWay instanceof Set)) throw new TypeError('what this test looks into has another shape now');
  return underWay.size;
}

describe('a stock Socket.IO client is called by a service', () => {
  proveNothingIsLeft();

  test.each<[string, unknown]>([
    ['text', 'é'],
    ['a number', 0],
    ['null', null],
    ['an object', { a: [1, { b: 2 }] }],
    ['bytes', Buffer.from([0, 255])],
    ['nested bytes', { files: [{ name: 'a', body: Buffer.from('a') }, Buffer.from('b')] }],
  ])('%s, there and back', async (_name, value) => {
    const { stock, peer } = await start();
    stock.on('echo', (data: unknown, acknowledge: Acknowledge) => acknowledge(data));
    expect(await lastValueFrom(peer.send('echo', value))).toEqual(value);
  });

  test('whatever the codec of N2N clients is', async () => {
    const { stock, peer } = await start({ codec: 'v8' });
    const told = deferred<unknown>();
    stock.on('echo', (data: unknown, acknowledge: Acknowledge) => acknowledge(data));
    stock.on('event', told.resolve);
    expect(await lastValueFrom(peer.send('echo', { a: 1 }))).toEqual({ a: 1 });
    expect(await lastValueFrom(peer.send('echo', { at: new Date(0) }))).toEqual({
      at: '1970-01-01T00:00:00.000Z',
    });
    await n2nErrorOf(peer.send('echo', 1n), 'NOT_SERIALIZABLE');
    peer.emit('event', [{ b: Buffer.from('b') }]);
    expect(await told.promise).toEqual([{ b: Buffer.from('b') }]);
  });

  test('with what it cannot take: a stream', async () => {
    const { peer } = await start();
    await n2nErrorOf(peer.send('echo', of(1)), 'NOT_SERIALIZABLE');
  });

  test.each(['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener'])(
    'not by the name "%s", which is reserved: nothing is kept of the attempt, and the connection lives',
    async (name) => {
      const { stock, peer } = await start();
      stock.on('echo', (data: unknown, acknowledge: Acknowledge) => acknowledge(data));
      for (const timeout of [0, 1000]) {
        const record = new N2NRecordBuilder(Buffer.from('b')).setTimeout(timeout).build();
        await n2nErrorOf(peer.send(name, record), 'INVALID_OPTIONS');
      }
      await n2nErrorOf(peer.emit(name, Buffer.from('b')), 'INVALID_OPTIONS');
      expect(keptOf(peer)).toBe(0);
      expect(await lastValueFrom(peer.send('echo', 1))).toBe(1);
    },
  );

  test('an acknowledged event completes when it has acknowledged it, and not before', async () => {
    const { stock, peer } = await start();
    const handling = deferred<Acknowledge>();
    stock.on('event', (_data: unknown, acknowledge: Acknowledge) => handling.resolve(acknowledge));
    stock.on('echo', (data: unknown, acknowledge: Acknowledge) => acknowledge(data));
    let isOver = false;
    const outcome = outcomeOf(peer.emit('event', new N2NRecordBuilder(1).acknowledged().build()));
    void outcome.finally(() => (isOver = true));
    const acknowledge = await handling.promise;
    expect(await lastValueFrom(peer.send('echo', 1))).toBe(1);
    expect(isOver).toBe(false);
    acknowledge();
    expect('error' in (await outcome)).toBe(false);
  });

  test('a call that is not acknowledged in time, and one that is afterwards', async () => {
    const { stock, peer } = await start({ timeout: 1000 });
    const asked = deferred<Acknowledge>();
    stock.on('silent', (_data: unknown, acknowledge: Acknowledge) => asked.resolve(acknowledge));
    stock.on('echo', (data: unknown, acknowledge: Acknowledge) => acknowledge(data));
    stopTheClock();
    const outcome = outcomeOf(peer.send('silent', 1));
    const acknowledge = await asked.promise;
    vi.advanceTimersByTime(1000);
    const error = asN2NError((await outcome).error, 'TIMEOUT');
    expect(error.details).toEqual({ pattern: 'silent', timeout: 1000 });
    expect(keptOf(peer)).toBe(0);
    acknowledge('late');
    expect(await lastValueFrom(peer.send('echo', 1))).toBe(1);
    expect(keptOf(peer)).toBe(0);
  });

  test('an answer after the call was cancelled is for nobody', async () => {
    const { stock, peer } = await start();
    const asked = deferred<Acknowledge>();
    stock.on('slow', (_data: unknown, acknowledge: Acknowledge) => asked.resolve(acknowledge));
    stock.on('echo', (data: unknown, acknowledge: Acknowledge) => acknowledge(data));
    const stream = peer.stream('slow', 1);
    const first = stream.next();
    const acknowledge = await asked.promise;
    expect(keptOf(peer)).toBe(1);
    await stream.return?.();
    expect(keptOf(peer)).toBe(0);
    acknowledge('late');
    expect(await lastValueFrom(peer.send('echo', 1))).toBe(1);
    expect(await first).toEqual({ done: true, value: undefined });
  });

  test.each([0, 30_000])(
    'calls with a timeout of %i fail when it goes, and so do later ones',
    async (timeout) => {
      const { stock, peer } = await start({ timeout });
      // More than Node likes to see of listeners for one event: none of them is one.
      const asked = deferred<void>();
      let count = 0;
      stock.on('silent', () => {
        if ((count += 1) === 20) asked.resolve();
      });
      const calls = Array.from({ length: 20 }, () => n2nErrorOf(peer.send('silent', 1), 'CONNECTION_LOST'));
      const record = new N2NRecordBuilder(1).acknowledged().build();
      const event = n2nErrorOf(peer.emit('silent', record), 'CONNECTION_LOST');
      await asked.promise;
      stock.disconnect();
      await Promise.all([...calls, event]);
      await n2nErrorOf(peer.send('silent', 1), 'CONNECTION_LOST');
      await n2nErrorOf(peer.emit('silent', 1), 'CONNECTION_LOST');
    },
  );

  test('an idempotent call is not sent again: there is no other connection to send it over', async () => {
    const { stock, peer } = await start();
    stock.on('silent', () => stock.disconnect());
    const record = new N2NRecordBuilder(1).idempotent().build();
    await n2nErrorOf(peer.send('silent', record), 'CONNECTION_LOST');
  });
});
