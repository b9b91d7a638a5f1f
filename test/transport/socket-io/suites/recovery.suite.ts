import type { Socket as ServerSocket } from 'socket.io';
import { describe, expect, it } from 'vitest';
import { connected, endOf, many, next } from './events.js';
import type { Place } from '../place.js';

export function recoverySuite(place: Place): void {
  describe('connection state recovery', () => {
    const recovery = { connectionStateRecovery: { maxDisconnectionDuration: 60_000 } };

    it('gives a client that was cut off its id, rooms, data, and the packets it missed', async () => {
      const served = await place(recovery);
      let middlewares = 0;
      served.io.use((_socket, done) => {
        middlewares += 1;
        done();
      });
      const pair = await connected(served);
      await pair.server.join('words');
      pair.server.data.name = 'Ada';
      // The client learns where it stands from the packets it gets.
      const first = next(pair.client, 'word');
      pair.server.emit('word', 'before');
      await first;
      const id = pair.client.id;
      const over = endOf(pair);
      served.cut();
      await over;

      served.io.to('words').emit('word', 'missed 1');
      served.io.emit('word', 'missed 2', Buffer.from('bytes'));
      served.io.to('others').emit('word', 'not for it');
      const missed = many(pair.client, 'word', 2);
      const back = next<[ServerSocket]>(served.io, 'connection');
      const there = next(pair.client, 'connect');
      pair.client.connect();
      await there;
      const [server] = await back;
      expect(pair.client.recovered).toBe(true);
      expect(pair.client.id).toBe(id);
      expect(server.recovered).toBe(true);
      expect(server.rooms.has('words')).toBe(true);
      expect(server.data).toEqual({ name: 'Ada' });
      expect((await missed).map(([word]) => word)).toEqual(['missed 1', 'missed 2']);
      expect(middlewares).toBe(1);

      const after = next(pair.client, 'word');
      server.emit('word', 'after');
      expect((await after)[0]).toBe('after');
    });

    it('gives nothing to a client that left by itself', async () => {
      const served = await place(recovery);
      const pair = await connected(served);
      const first = next(pair.client, 'word');
      pair.server.emit('word', 'before');
      await first;
      const over = endOf(pair);
      pair.client.disconnect();
      await over;
      const there = next(pair.client, 'connect');
      pair.client.connect();
      await there;
      expect(pair.client.recovered).toBe(false);
    });
  });
}
