import { describe, expect, it } from 'vitest';
import type { Socket as ServerSocket } from 'socket.io';
import { connected, endOf, engineSockets, next, refusalOf, roundTrip } from './events.js';
import type { Place } from '../place.js';

export function connectionSuite(place: Place): void {
  describe('connections', () => {
    it('are made: both sides know each other by one id, the transport, and the auth data', async () => {
      const served = await place();
      const { client, server } = await connected(served, {}, '/', { token: 'x' });
      expect(client.connected).toBe(true);
      expect(server.id).toBe(client.id);
      expect(server.conn.transport.name).toBe(served.transport);
      expect(client.io.engine.transport.name).toBe(served.transport);
      expect(server.handshake.auth).toEqual({ token: 'x' });
      expect(server.handshake.url).toContain('/socket.io/?');
      expect(server.handshake.query['EIO']).toBe('4');
      expect(served.io.engine.clientsCount).toBe(1);
    });

    it('carry the headers and the query of the client into the handshake', async () => {
      const served = await place();
      const { server } = await connected(served, {
        extraHeaders: { 'x-words': 'many' },
        query: { word: 'a b&c=d' },
      });
      expect(server.handshake.headers['x-words']).toBe('many');
      expect(server.handshake.query['word']).toBe('a b&c=d');
    });

    it('of many clients at once are each their own', async () => {
      const served = await place();
      const pairs = await Promise.all(
        Array.from({ length: 20 }, async (_none, index) => {
          const client = served.client({}, '/', { index });
          await next(client, 'connect');
          return { client, index };
        }),
      );
      for (const { client, index } of pairs) {
        const id = client.id ?? '';
        expect(served.io.sockets.sockets.get(id)?.handshake.auth).toEqual({ index });
      }
      expect(new Set(pairs.map(({ client }) => client.id)).size).toBe(20);
    });
  });

  describe('the reason of a disconnection', () => {
    it.each<
      [
        string,
        (pair: { client: ReturnType<Awaited<ReturnType<Place>>['client']>; server: ServerSocket }) => void,
        string,
        string,
      ]
    >([
      [
        'the client disconnects',
        ({ client }) => client.disconnect(),
        'io client disconnect',
        'client namespace disconnect',
      ],
      [
        'the server disconnects the socket',
        ({ server }) => server.disconnect(),
        'io server disconnect',
        'server namespace disconnect',
      ],
      [
        'the server closes the connection',
        ({ server }) => server.disconnect(true),
        'io server disconnect',
        'server namespace disconnect',
      ],
      [
        'the client closes the engine',
        ({ client }) => client.io.engine.close(),
        'forced close',
        'transport close',
      ],
      [
        'the server closes the engine',
        ({ server }) => server.conn.close(),
        'transport close',
        'forced close',
      ],
      [
        'the client sends what is no packet',
        ({ client }) => client.io.engine.write('this is no packet'),
        'transport close',
        'forced close',
      ],
      [
        'the server sends what is no packet',
        ({ server }) => server.conn.write('this is no packet'),
        'parse error',
        'transport close',
      ],
    ])('when %s', async (_case, end, clientReason, serverReason) => {
      const pair = await connected(await place());
      const over = endOf(pair);
      end(pair);
      expect(await over).toEqual({ client: clientReason, server: serverReason });
    });

    it('when the connection below is gone', async () => {
      const served = await place();
      const pair = await connected(served);
      const over = endOf(pair);
      served.cut();
      const { client, server } = await over;
      expect(client).toMatch(/^transport (close|error)$/);
      expect(server).toMatch(/^transport (close|error)$/);
    });

    it('when the server closes: all clients are disconnected, and nobody listens any more', async () => {
      const served = await place();
      const pairs = [await connected(served), await connected(served)];
      const over = Promise.all(pairs.map(endOf));
      await served.io.close();
      for (const reasons of await over) {
        expect(reasons).toEqual({ client: 'transport close', server: 'server shutting down' });
      }
      expect(served.http.listening).toBe(false);
      expect(await refusalOf(served.client())).toBeInstanceOf(Error);
    });

    it('reaches disconnecting first, with the rooms still there', async () => {
      const pair = await connected(await place());
      await pair.server.join('words');
      const rooms = new Promise((resolve) => {
        pair.server.on('disconnecting', () => resolve([...pair.server.rooms]));
      });
      pair.client.disconnect();
      expect(await rooms).toEqual([pair.server.id, 'words']);
    });
  });

  it('what was sent right before a disconnection arrives before it', async () => {
    const pair = await connected(await place());
    const seen: unknown[] = [];
    pair.server.on('last', (word: string) => seen.push(word));
    const over = next(pair.server, 'disconnect');
    for (let index = 0; index < 100; index += 1) pair.client.emit('last', index);
    // Socket.IO hands on events in the next tick, and what comes in the same read as the farewell is dropped.
    await roundTrip(pair);
    pair.client.disconnect();
    await over;
    expect(seen).toEqual(Array.from({ length: 100 }, (_none, index) => index));
  });

  describe('the stock Manager reconnects', () => {
    const patient = { reconnection: true, reconnectionDelay: 1, randomizationFactor: 0 };

    it('after the connection is gone, and what was sent meanwhile follows', async () => {
      const served = await place();
      const { client, server } = await connected(served, patient);
      const attempts: number[] = [];
      client.io.on('reconnect_attempt', (attempt) => attempts.push(attempt));
      client.once('disconnect', () => client.emit('word', 'kept'));
      const again = next<[ServerSocket]>(served.io, 'connection').then(async ([fresh]) => {
        expect(fresh.id).not.toBe(server.id);
        return next(fresh, 'word');
      });
      const reconnected = next(client.io as never, 'reconnect');
      served.cut();
      expect(await reconnected).toEqual([1]);
      expect(await again).toEqual(['kept']);
      expect(attempts).toEqual([1]);
    });

    it('as often as told while the server is gone, then gives up', async () => {
      const served = await place();
      const { client } = await connected(served, { ...patient, reconnectionAttempts: 3 });
      const failed = next(client.io as never, 'reconnect_failed');
      let errors = 0;
      client.io.on('reconnect_error', () => (errors += 1));
      await served.io.close();
      await failed;
      expect(errors).toBe(3);
    });
  });

  it('leave nothing in the engine when they end', async () => {
    const served = await place();
    const pair = await connected(served);
    const over = next(pair.server.conn as never, 'close');
    pair.client.disconnect();
    await over;
    expect(served.io.engine.clientsCount).toBe(0);
    expect(engineSockets(served.io)).toEqual([]);
  });
}
