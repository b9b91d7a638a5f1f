import { describe, expect, it } from 'vitest';
import { connected, many, next, roundTrip } from './events.js';
import type { Place } from '../place.js';

const MANY = 5_000;

export function emitSuite(place: Place): void {
  describe('events', () => {
    it.each([
      ['client', 'server'],
      ['server', 'client'],
    ] as const)('from the %s come in order, each once', async (from, to) => {
      const pair = await connected(await place());
      const heard = many(pair[to], 'count', MANY);
      for (let index = 0; index < MANY; index += 1) pair[from].emit('count', index);
      expect((await heard).map(([index]) => index)).toEqual(
        Array.from({ length: MANY }, (_none, index) => index),
      );
    });

    it('keep their order among texts, binaries and acknowledgements of every size', async () => {
      const pair = await connected(await place());
      const heard = many(pair.server, 'mixed', 300);
      for (let index = 0; index < 300; index += 1) {
        const size = (index % 7) * 9_973;
        const load = index % 3 === 0 ? Buffer.alloc(size, index) : 'x'.repeat(size);
        if (index % 5 === 0) pair.client.emit('mixed', index, load, () => {});
        else pair.client.emit('mixed', index, load);
      }
      expect((await heard).map(([index]) => index)).toEqual(
        Array.from({ length: 300 }, (_none, index) => index),
      );
    });

    it('sent before the connection is there follow it, in order', async () => {
      const served = await place();
      const heard = new Promise<unknown[][]>((resolve) =>
        served.io.on('connection', (socket) => void many(socket, 'early', 3).then(resolve)),
      );
      const client = served.client();
      for (const word of [1, 2, 3]) client.emit('early', word);
      expect(await heard).toEqual([[1], [2], [3]]);
    });

    it('carry every JSON value, and text of every kind', async () => {
      const { client, server } = await connected(await place());
      server.on('echo', (...all: unknown[]) => (all.pop() as (...back: unknown[]) => void)(all.slice()));
      const values = [
        null,
        true,
        0,
        -1.5e300,
        '',
        'grüße 日本 🦊 \u2028 \u0000 "\\',
        [[], {}],
        { deep: { deeper: [{ '': 1 }] } },
      ];
      expect(await client.emitWithAck('echo', ...values)).toEqual(values);
    });

    it('whose names are odd are still only names', async () => {
      const { client, server } = await connected(await place());
      for (const name of ['__proto__', 'constructor', '', ' ', 'toString', '🦊']) {
        const heard = next(server, name);
        client.emit(name, name);
        expect(await heard).toEqual([name]);
      }
    });

    it('that are volatile come when the connection can take them, and are dropped when it is not there', async () => {
      const pair = await connected(await place());
      const { client, server } = pair;
      const heard = next(server, 'now');
      client.volatile.emit('now', 1);
      expect(await heard).toEqual([1]);
      const back = next(client, 'now');
      await roundTrip(pair);
      server.volatile.emit('now', 2);
      expect(await back).toEqual([2]);
      const seen: unknown[] = [];
      server.on('later', (word: unknown) => seen.push(word));
      client.disconnect();
      client.volatile.emit('later');
      expect(client.sendBuffer).toEqual([]);
    });

    it('that are volatile are dropped while the connection is busy', async () => {
      const pair = await connected(await place());
      const seen: unknown[] = [];
      pair.client.on('busy', (word: unknown) => seen.push(word));
      pair.server.emit('busy', 'first');
      pair.server.volatile.emit('busy', 'dropped');
      await roundTrip(pair);
      expect(seen).toEqual(['first']);
    });

    it('with a compress flag are the same events', async () => {
      const pair = await connected(await place());
      const heard = many(pair.client, 'flag', 2);
      pair.server.compress(true).emit('flag', 'x'.repeat(5_000));
      pair.server.compress(false).emit('flag', 'y'.repeat(5_000));
      expect((await heard).map(([text]) => String(text).length)).toEqual([5_000, 5_000]);
      const back = next(pair.server, 'flag');
      pair.client.compress(true).emit('flag', 'z');
      expect(await back).toEqual(['z']);
    });

    it('send() is the event message', async () => {
      const { client, server } = await connected(await place());
      const heard = next(server, 'message');
      client.send('hello', 1);
      expect(await heard).toEqual(['hello', 1]);
      const back = next(client, 'message');
      server.send({ hello: 2 });
      expect(await back).toEqual([{ hello: 2 }]);
    });
  });
}
