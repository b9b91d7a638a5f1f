import { describe, expect, it } from 'vitest';
import { connected, next, refusalOf } from './events.js';
import type { Place } from '../place.js';

export function middlewareSuite(place: Place): void {
  describe('middlewares', () => {
    it('of the server run in order, and hand data on', async () => {
      const served = await place();
      served.io.use((socket, done) => {
        socket.data.words = ['one'];
        setImmediate(done);
      });
      served.io.use((socket, done) => {
        socket.data.words.push('two');
        done();
      });
      const { server } = await connected(served);
      expect(server.data).toEqual({ words: ['one', 'two'] });
    });

    it('refuse a client with a message and data, and it may try again', async () => {
      const served = await place();
      served.io.use((socket, done) => {
        if (socket.handshake.auth['token'] === 'good') return done();
        done(Object.assign(new Error('not you'), { data: { code: 7, nested: [null, 'x'] } }));
      });
      const client = served.client({}, '/', { token: 'bad' });
      const error = await refusalOf(client);
      expect(error.message).toBe('not you');
      expect(error.data).toEqual({ code: 7, nested: [null, 'x'] });
      client.auth = { token: 'good' };
      const there = next(client, 'connect');
      client.connect();
      await there;
      expect(client.connected).toBe(true);
    });

    it.each([
      ['throws', () => Promise.reject(new Error('token malformed'))],
      [
        'throws at once',
        () => {
          throw new Error('token malformed');
        },
      ],
    ])('one that %s refuses its client, and nobody else', async (_how, look) => {
      const served = await place();
      for (const namespace of ['/', '/vault']) {
        // oxlint-disable-next-line typescript/no-misused-promises -- Socket.IO's type forbids what users do
        served.io.of(namespace).use(async (socket, done) => {
          if (socket.handshake.auth['token'] === 'bad') await look();
          done();
        });
      }
      for (const namespace of ['/', '/vault']) {
        const client = served.client({}, namespace, { token: 'bad' });
        expect((await refusalOf(client)).message).toBe('token malformed');
      }
      await connected(served);
    });

    it('of a namespace refuse only there', async () => {
      const served = await place();
      served.io.of('/vault').use((_socket, done) => done(new Error('closed')));
      await connected(served);
      expect((await refusalOf(served.client({}, '/vault'))).message).toBe('closed');
    });

    it('of a socket see its packets, and may refuse one', async () => {
      const served = await place();
      const { client, server } = await connected(served);
      server.use(([event], done) => (event === 'bad' ? done(new Error('no such word')) : done()));
      const refused = next<[Error]>(server, 'error');
      const heard: string[] = [];
      server.on('bad', () => heard.push('bad'));
      server.on('good', (acknowledge: () => void) => {
        heard.push('good');
        acknowledge();
      });
      client.emit('bad');
      await client.emitWithAck('good');
      expect((await refused)[0].message).toBe('no such word');
      expect(heard).toEqual(['good']);
    });

    it('onAny and onAnyOutgoing see every event', async () => {
      const served = await place();
      const { client, server } = await connected(served);
      const seen: unknown[][] = [];
      server.onAny((...all: unknown[]) => seen.push(['in', ...all]));
      server.onAnyOutgoing((...all: unknown[]) => seen.push(['out', ...all]));
      server.on('word', () => server.emit('answer', 2));
      const answered = next(client, 'answer');
      client.emit('word', 1);
      await answered;
      expect(seen).toEqual([
        ['in', 'word', 1],
        ['out', 'answer', 2],
      ]);
    });
  });
}
