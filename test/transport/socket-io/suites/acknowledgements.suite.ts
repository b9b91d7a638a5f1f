import { describe, expect, it } from 'vitest';
import { connected, next } from './events.js';
import type { Place } from '../place.js';

export function acknowledgementSuite(place: Place): void {
  describe('acknowledgements', () => {
    it('go from the server to the client', async () => {
      const { client, server } = await connected(await place());
      server.on('add', (a: number, b: number, answer: (sum: number) => void) => answer(a + b));
      expect(await client.emitWithAck('add', 1, 2)).toBe(3);
    });

    it('go from the client to the server', async () => {
      const { client, server } = await connected(await place());
      client.on('add', (a: number, b: number, answer: (sum: number) => void) => answer(a + b));
      expect(await server.emitWithAck('add', 1, 2)).toBe(3);
    });

    it('have as many values as given, to a callback', async () => {
      const { client, server } = await connected(await place());
      server.on('all', (answer: (...all: unknown[]) => void) => answer(1, null, 'x', { y: [true] }));
      const all = await new Promise((resolve) => client.emit('all', (...got: unknown[]) => resolve(got)));
      expect(all).toEqual([1, null, 'x', { y: [true] }]);
    });

    it('find their own call among many, whatever their order', async () => {
      const { client, server } = await connected(await place());
      const waiting: (() => void)[] = [];
      server.on('slow', (word: number, answer: (word: number) => void) => {
        if (waiting.push(() => answer(word)) === 200) for (const each of waiting.toReversed()) each();
      });
      const words = Array.from({ length: 200 }, (_none, index) => index);
      expect(await Promise.all(words.map((word) => client.emitWithAck('slow', word)))).toEqual(words);
    });

    it.each(['client', 'server'] as const)('that do not come time out at the %s', async (side) => {
      const pair = await connected(await place());
      await expect(pair[side].timeout(20).emitWithAck('nobody listens')).rejects.toThrow('timed out');
    });

    it('that come in time are no timeout', async () => {
      const { client, server } = await connected(await place());
      server.on('quick', (answer: (word: string) => void) => answer('here'));
      expect(await client.timeout(5_000).emitWithAck('quick')).toBe('here');
    });

    it('carry binary data both ways', async () => {
      const { client, server } = await connected(await place());
      server.on('twice', (bytes: Buffer, answer: (all: object) => void) =>
        answer({ twice: Buffer.concat([bytes, bytes]), count: 2 }),
      );
      const { twice, count } = await client.emitWithAck('twice', Buffer.from('ab'));
      expect(Buffer.from(twice).toString()).toBe('abab');
      expect(count).toBe(2);
    });

    it('are not made when the connection ends first', async () => {
      const { client, server } = await connected(await place());
      const failed = client.timeout(5_000).emitWithAck('never');
      const asked = next(server, 'never');
      await asked;
      server.disconnect();
      await expect(failed).rejects.toThrow('disconnected');
    });
  });
}
