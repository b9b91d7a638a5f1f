import { describe, expect, it } from 'vitest';
import type { Socket as ServerSocket } from 'socket.io';
import { connected, next, refusalOf } from './events.js';
import type { Place } from '../place.js';

export function namespaceSuite(place: Place): void {
  describe('namespaces', () => {
    it('share one connection, and keep their events apart', async () => {
      const served = await place();
      const { client } = await connected(served);
      const accepted = next<[ServerSocket]>(served.io.of('/words'), 'connection');
      const words = client.io.socket('/words');
      words.connect();
      const [server] = await accepted;
      const heard: string[] = [];
      client.on('who', () => heard.push('/'));
      words.on('who', () => heard.push('/words'));
      server.emit('who');
      server.emit('last');
      await next(words, 'last');
      expect(heard).toEqual(['/words']);
      expect(served.io.engine.clientsCount).toBe(1);
    });

    it('are left one by one, while the others stay', async () => {
      const served = await place();
      const { client } = await connected(served);
      const accepted = next<[ServerSocket]>(served.io.of('/words'), 'connection');
      const words = client.io.socket('/words');
      words.connect();
      await next(words, 'connect');
      const [server] = await accepted;
      const left = next(server, 'disconnect');
      words.disconnect();
      expect((await left)[0]).toBe('client namespace disconnect');
      expect(client.connected).toBe(true);
    });

    it('that do not exist are refused', async () => {
      const served = await place();
      const error = await refusalOf(served.client({}, '/nowhere'));
      expect(error.message).toBe('Invalid namespace');
    });

    it('come into being by a regular expression, with their middlewares', async () => {
      const served = await place();
      const passed: string[] = [];
      const parent = served.io.of(/^\/shelf-\d+$/).use((socket, done) => {
        passed.push(socket.nsp.name);
        done();
      });
      const accepted = next<[ServerSocket]>(parent, 'connection');
      const client = served.client({}, '/shelf-12');
      await next(client, 'connect');
      const [server] = await accepted;
      expect(server.nsp.name).toBe('/shelf-12');
      const heard = next(client, 'hello');
      parent.emit('hello', 'all shelves');
      expect(await heard).toEqual(['all shelves']);
      expect(passed).toEqual(['/shelf-12']);
      expect((await refusalOf(served.client({}, '/shelf-x'))).message).toBe('Invalid namespace');
    });

    it('come into being by a function that reads the auth data', async () => {
      const served = await place();
      served.io.of((name, auth, done) => done(null, name === '/vault' && auth['key'] === 'right'));
      await connectedOnce(served.client({}, '/vault', { key: 'right' }));
      expect((await refusalOf(served.client({}, '/cellar', { key: 'right' }))).message).toBe(
        'Invalid namespace',
      );
    });
  });
}

async function connectedOnce(client: Parameters<typeof refusalOf>[0]): Promise<void> {
  await Promise.race([next(client, 'connect'), refusalOf(client).then((error) => Promise.reject(error))]);
}
