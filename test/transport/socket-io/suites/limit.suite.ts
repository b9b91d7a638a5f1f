import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { connected, endOf, next } from './events.js';
import type { Place } from '../place.js';

const MEBIBYTE = 1024 * 1024;

export function limitSuite(place: Place): void {
  describe('large payloads', () => {
    it.each([1, 4])('of %i MiB of bytes are echoed whole', async (mebibytes) => {
      const { client, server } = await connected(await place());
      server.on('echo', (bytes: Buffer, answer: (bytes: Buffer) => void) => answer(bytes));
      const bytes = randomBytes(mebibytes * MEBIBYTE);
      const back = (await client.emitWithAck('echo', bytes)) as Buffer;
      expect(bytes.equals(back)).toBe(true);
    });

    it('of nearly 4 MiB of text are echoed whole', async () => {
      const { client, server } = await connected(await place());
      server.on('echo', (text: string, answer: (text: string) => void) => answer(text));
      const text = '0123456789abcdef'.repeat((4 * MEBIBYTE) / 16 - 10);
      expect((await client.emitWithAck('echo', text)) === text).toBe(true);
    });

    it('may follow each other faster than they are read', async () => {
      const { client, server } = await connected(await place());
      let bytes = 0;
      server.on('part', (part: Buffer) => (bytes += part.length));
      for (let index = 0; index < 32; index += 1) client.emit('part', Buffer.alloc(MEBIBYTE));
      server.on('done', (answer: () => void) => answer());
      await client.emitWithAck('done');
      expect(bytes).toBe(32 * MEBIBYTE);
    });
  });

  describe('maxHttpBufferSize', () => {
    const limit = 10_000;

    it('is what may come: a packet of just that size does', async () => {
      const { client, server } = await connected(await place({ maxHttpBufferSize: limit }));
      const heard = next<[Buffer]>(server, 'full');
      client.emit('full', Buffer.alloc(limit, 7));
      expect((await heard)[0]).toHaveLength(limit);
    });

    it('ends the connection of a client that sends one byte more, and no other', async () => {
      const served = await place({ maxHttpBufferSize: limit });
      const bystander = await connected(served);
      const pair = await connected(served);
      let heard = 0;
      pair.server.on('over', () => (heard += 1));
      const over = endOf(pair);
      pair.client.emit('over', Buffer.alloc(limit + 1));
      const { client, server } = await over;
      expect(client).toMatch(/^transport (close|error)$/);
      expect(server).toBe('transport error');
      expect(heard).toBe(0);
      bystander.server.on('alive', (answer: (word: string) => void) => answer('yes'));
      expect(await bystander.client.emitWithAck('alive')).toBe('yes');
    });

    it('does not bind what the server sends to a client that was told of it', async () => {
      const { client, server } = await connected(await place());
      const heard = next<[Buffer]>(client, 'big');
      server.emit('big', Buffer.alloc(4 * MEBIBYTE));
      expect((await heard)[0]).toHaveLength(4 * MEBIBYTE);
    });
  });
}
