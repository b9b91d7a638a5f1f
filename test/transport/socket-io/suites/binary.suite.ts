import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { connected, endOf, many, next } from './events.js';
import type { Place } from '../place.js';

export function binarySuite(place: Place): void {
  describe('binary data', () => {
    it.each([
      ['client', 'server'],
      ['server', 'client'],
    ] as const)('from the %s comes as a Buffer, at the top and nested', async (from, to) => {
      const pair = await connected(await place());
      const [a, b] = [randomBytes(300), randomBytes(30_000)];
      const heard = next(pair[to], 'bytes');
      pair[from].emit('bytes', a, { list: [1, { b }], text: 'x' }, Buffer.alloc(0));
      const [first, second, third] = (await heard) as [Buffer, { list: [number, { b: Buffer }] }, Buffer];
      expect(Buffer.isBuffer(first)).toBe(true);
      expect(a.equals(first)).toBe(true);
      expect(b.equals(second.list[1].b)).toBe(true);
      expect(second).toMatchObject({ text: 'x' });
      expect(third).toHaveLength(0);
    });

    it('may be any view of bytes', async () => {
      const { client, server } = await connected(await place());
      const heard = next<Buffer[]>(server, 'views');
      const bytes = Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7]);
      client.emit(
        'views',
        bytes,
        bytes.subarray(2, 4),
        new DataView(bytes.buffer, 4, 2),
        bytes.buffer.slice(6),
        Uint16Array.from([0x0201]),
      );
      expect((await heard).map((each) => [...each])).toEqual([
        [0, 1, 2, 3, 4, 5, 6, 7],
        [2, 3],
        [4, 5],
        [6, 7],
        [1, 2],
      ]);
    });

    it('may have ten attachments in one event', async () => {
      const { client, server } = await connected(await place());
      const heard = next<[Buffer[]]>(server, 'ten');
      client.emit(
        'ten',
        Array.from({ length: 10 }, (_none, index) => Buffer.from([index])),
      );
      expect((await heard)[0].map(([byte]) => byte)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    });

    it('ends the connection at the eleventh attachment, as the stock parser does', async () => {
      const pair = await connected(await place());
      const over = endOf(pair);
      pair.client.emit(
        'eleven',
        Array.from({ length: 11 }, () => Buffer.from('x')),
      );
      expect(await over).toEqual({ client: 'transport close', server: 'forced close' });
    });

    it('that nobody announced ends the connection, at the client', async () => {
      const pair = await connected(await place());
      const over = endOf(pair);
      pair.server.conn.write(Buffer.from('no event announces this'));
      expect(await over).toEqual({ client: 'parse error', server: 'transport close' });
    });

    it('of many events stays with its event', async () => {
      const { client, server } = await connected(await place());
      const heard = many(server, 'pair', 200);
      for (let index = 0; index < 200; index += 1) {
        client.emit('pair', index, Buffer.from([index]), Buffer.alloc(index * 100, index));
      }
      for (const [index, one, more] of (await heard) as [number, Buffer, Buffer][]) {
        expect(one[0]).toBe(index);
        expect(more).toHaveLength(index * 100);
        expect(more.every((byte) => byte === index)).toBe(true);
      }
    });

    it('is not changed by what its sender does to it after the answer', async () => {
      const { client, server } = await connected(await place());
      server.on('echo', (bytes: Buffer, answer: (bytes: Buffer) => void) => answer(bytes));
      const bytes = Buffer.alloc(100_000, 1);
      const back = (await client.emitWithAck('echo', bytes)) as Buffer;
      bytes.fill(2);
      expect(back.every((byte) => byte === 1)).toBe(true);
    });
  });
}
