import { lastValueFrom, NEVER, Observable } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { io } from 'socket.io-client';
import { N2NRecordBuilder } from '../../../src/index.js';
import { atEnd, deferred, proveNothingIsLeft } from '../../support/harness.js';
import { n2nErrorOf, outcomeOf } from '../../support/outcome.js';
import { NO_HANDLERS, scripted } from '../../support/scripted.js';
import { BUILDERS, startClient, startService } from '../../support/service.js';
import { WAYS, cutConnections, hostOver } from '../../support/ways.js';

const SOON = { reconnectionDelay: 1, maxReconnectionDelay: 20, maxReconnectionAttempts: Infinity };

// Either side, and whichever of them is called, lets calls end before it closes.
for (const way of WAYS) {
  describe(`a side that closes, ${way.name}`, () => {
    proveNothingIsLeft();

    test.each(['closeCaller', 'closeHost'] as const)(
      '%s: the call under way gets its answer first',
      async (close) => {
        const begun = deferred<void>();
        const release = deferred<string>();
        const ends = await way.start(
          scripted(() => {
            begun.resolve();
            return release.promise;
          }),
        );
        const answer = lastValueFrom(ends.caller.send('call', 1));
        await begun.promise;
        let isClosed = false;
        const closed = ends[close]().then(() => (isClosed = true));
        // Whatever goes over the connection now comes behind GOAWAY.
        await outcomeOf(ends.caller.send('echo', 1));
        expect(isClosed).toBe(false);
        release.resolve('answer');
        expect(await answer).toBe('answer');
        await closed;
      },
    );

    test.each(['closeCaller', 'closeHost'] as const)(
      '%s: events that are under way arrive, however long',
      async (close) => {
        const lengths = [100_000, 300_000, 3_000_000, 3_000_000];
        const arrived: number[] = [];
        const all = deferred<void>();
        const ends = await way.start(
          scripted(
            () => 1,
            (data: Buffer) => {
              if (arrived.push(data.length) === lengths.length) all.resolve();
            },
          ),
        );
        await lastValueFrom(ends.caller.send('echo', 1));
        for (const length of lengths) ends.caller.emit('event', Buffer.alloc(length));
        await Promise.all([ends[close](), all.promise]);
        expect(arrived.toSorted((left, right) => left - right)).toEqual(lengths);
      },
    );

    test.each(['closeCaller', 'closeHost'] as const)(
      '%s: a call that does not end is given up after drainTimeout',
      async (close) => {
        const stopped = deferred<void>();
        const ends = await way.start(
          scripted(() => new Observable<never>(() => () => stopped.resolve())),
          { both: { drainTimeout: 30 } },
        );
        const outcome = outcomeOf(ends.caller.send('call', 1));
        await lastValueFrom(ends.caller.send('echo', 1));
        await ends[close]();
        expect((await outcome).error).toMatchObject({
          code: expect.stringMatching(/^(CLOSED|CONNECTION_LOST)$/) as unknown,
        });
        await stopped.promise;
      },
    );
  });
}

for (const builder of BUILDERS) {
  describe(`a service that closes, over ${builder.name}`, () => {
    proveNothingIsLeft();

    test('serves what was sent before the client knew, and events that wait for their turn', async () => {
      const handled: unknown[] = [];
      const first = deferred<void>();
      const release = deferred<void>();
      const { service, client } = await builder.start(
        scripted(
          (data: number) => data,
          async (data) => {
            first.resolve();
            await release.promise;
            handled.push(data);
          },
        ),
        { maxInFlight: 1 },
      );
      for (const event of [1, 2, 3]) client.emit('event', event);
      await first.promise;
      const closing = service.app.close();
      const calls = [4, 5].map((value) => lastValueFrom(client.send('call', value)));
      release.resolve();
      expect(await Promise.all(calls)).toEqual([4, 5]);
      await closing;
      expect(handled).toEqual([1, 2, 3]);
    });

    test('tells of it in its status and in that of its clients, whose new calls wait for the next service', async () => {
      const release = deferred<string>();
      const begun = deferred<void>();
      const { service, client } = await builder.start(
        scripted(() => {
          begun.resolve();
          return release.promise;
        }),
        {},
        SOON,
      );
      const statuses = { service: [] as string[], client: [] as string[] };
      service.strategy.status.subscribe((status) => statuses.service.push(status));
      const draining = deferred<void>();
      client.status.subscribe((status) => {
        statuses.client.push(status);
        if (status === 'draining') draining.resolve();
      });
      const underWay = lastValueFrom(client.send('call', 1));
      await begun.promise;
      const closing = service.app.close();
      await draining.promise;
      const waiting = lastValueFrom(client.send('call', 2));
      release.resolve('first');
      expect(await underWay).toBe('first');
      await closing;
      await startService(
        scripted(() => 'second'),
        { port: Number(new URL(service.url).port) },
      );
      expect(await waiting).toBe('second');
      expect(statuses.service).toEqual(['connected', 'draining', 'disconnected']);
      expect(statuses.client.slice(0, 3)).toEqual(['connected', 'draining', 'reconnecting']);
      expect(statuses.client.at(-1)).toBe('connected');
    });

    test('takes back a client whose connection breaks meanwhile, and no other', async () => {
      const release = deferred<string>();
      const begun = deferred<void>();
      const { service, client } = await builder.start(
        scripted(() => {
          begun.resolve();
          return release.promise;
        }),
        {},
        SOON,
      );
      const underWay = lastValueFrom(client.send('call', 1));
      await begun.promise;
      const statuses: string[] = [];
      const draining = new Promise<void>((resolve) => {
        client.status.subscribe((status) => {
          statuses.push(status);
          if (status === 'draining') resolve();
        });
      });
      const closing = service.app.close();
      await draining;
      const back = new Promise((resolve) => client.on('reconnect', resolve));
      for (const socket of service.io.sockets.sockets.values()) socket.request.socket.destroy();
      await back;
      expect(statuses).toEqual(['connected', 'draining', 'reconnecting', 'draining']);
      const other = startClient(service.url, { transports: [builder.name], reconnect: false });
      await expect(other.connect()).rejects.toMatchObject({ code: 'DRAINING' });
      release.resolve('answer');
      expect(await underWay).toBe('answer');
      await closing;
    });

    test('does not wait for a client that is away and has no call under way', async () => {
      const { service, client } = await builder.start(
        scripted(() => 1),
        { drainTimeout: 60_000, resumeWindow: 60_000 },
        { reconnectionDelay: 60_000, resumeWindow: 60_000 },
      );
      await lastValueFrom(client.send('call', 1));
      const [peer] = service.strategy.peers;
      const gone = new Promise((resolve) => peer.unwrap<NodeJS.EventEmitter>().once('disconnect', resolve));
      cutConnections(service);
      await gone;
      await service.app.close();
      expect(service.strategy.peers.size).toBe(0);
    });

    test('lets stock clients have their acknowledgements, and takes no new events of them', async () => {
      const release = deferred<string>();
      const begun = deferred<void>();
      const service = await startService(
        scripted(() => {
          begun.resolve();
          return release.promise;
        }),
      );
      const stock = io(service.url, { transports: ['websocket'], reconnection: false });
      atEnd(() => stock.disconnect());
      const underWay = stock.emitWithAck('call', 1);
      await begun.promise;
      const closing = service.app.close();
      expect(await stock.emitWithAck('echo', 1)).toMatchObject({ status: 'error', code: 'DRAINING' });
      release.resolve('answer');
      expect(await underWay).toBe('answer');
      await closing;
    });

    test.each([60_000, 2 ** 31 - 1])('says when clients may come back: in %i ms', async (retryAfter) => {
      const { service, client } = await builder.start(
        scripted(() => 1),
        { retryAfter },
        { ...SOON, timeout: 50 },
      );
      const gone = new Promise((resolve) => client.on('disconnect', resolve));
      await service.app.close();
      await gone;
      await startService(
        scripted(() => 1),
        { port: Number(new URL(service.url).port) },
      );
      let attempts = 0;
      client.on('connect', () => (attempts += 1));
      await n2nErrorOf(client.send('echo', 1), 'TIMEOUT');
      expect(attempts).toBe(0);
    });

    test('and so to clients whose calls it cuts at drainTimeout', async () => {
      const { service, client } = await builder.start(
        scripted(() => NEVER),
        { retryAfter: 60_000, drainTimeout: 10 },
        SOON,
      );
      const cut = n2nErrorOf(client.send('call', 1), 'CONNECTION_LOST');
      await lastValueFrom(client.send('echo', 1));
      const attempts: unknown[] = [];
      client.on('reconnecting', (delay: number) => attempts.push(delay));
      await service.app.close();
      await cut;
      await startService(
        scripted(() => 1),
        { port: Number(new URL(service.url).port) },
      );
      await n2nErrorOf(client.send('echo', new N2NRecordBuilder(1).setTimeout(50).build()), 'TIMEOUT');
      expect([attempts, client.unwrap().connecting]).toEqual([[], false]);
    });

    test('a client that closes hears out the calls of the server', async () => {
      const { service, client } = await builder.start(scripted(() => 1));
      const release = deferred<string>();
      const begun = deferred<void>();
      await hostOver(
        client,
        scripted(() => {
          begun.resolve();
          return release.promise;
        }),
      );
      const [peer] = service.strategy.peers;
      const answer = lastValueFrom(peer.send('call', 1));
      await begun.promise;
      const closing = client.close();
      await n2nErrorOf(client.send('echo', 1), 'CLOSED');
      release.resolve('answer');
      expect(await answer).toBe('answer');
      await closing;
    });
  });
}

// Handlers that a client hosts for the server that it has dialed.
for (const builder of BUILDERS) {
  describe(`handlers that are hosted by a client, over ${builder.name}`, () => {
    proveNothingIsLeft();

    test('are so from now on, though the client has connected before, with its maxInFlight', async () => {
      const { service, client } = await builder.start(NO_HANDLERS);
      const [peer] = service.strategy.peers;
      await n2nErrorOf(peer.send('echo', 1), 'NO_HANDLER');
      const begun = deferred<void>();
      const release = deferred<string>();
      const parts = scripted(() => {
        begun.resolve();
        return release.promise;
      });
      const { strategy } = await hostOver(client, parts, { maxInFlight: 1 });
      expect(strategy.peers.size).toBe(1);
      const order: unknown[] = [];
      const first = lastValueFrom(peer.send('call', 1)).then((answer) => order.push(answer));
      await begun.promise;
      const second = lastValueFrom(peer.send('echo', 'second')).then((answer) => order.push(answer));
      release.resolve('first');
      await Promise.all([first, second]);
      expect(order).toEqual(['first', 'second']);
    });

    test('end before the host is closed, and no new ones begin; the client stays connected', async () => {
      const { service, client } = await builder.start(scripted((data: number) => data));
      const begun = deferred<void>();
      const release = deferred<string>();
      const told: unknown[] = [];
      const parts = scripted(
        () => {
          begun.resolve();
          return release.promise;
        },
        (data) => told.push(data),
      );
      const { strategy, log } = await hostOver(client, parts);
      const [peer] = service.strategy.peers;
      const answer = lastValueFrom(peer.send('call', 1));
      await begun.promise;
      let isClosed = false;
      const closed = strategy.close().then(() => (isClosed = true));
      await n2nErrorOf(peer.send('echo', 1), 'DRAINING');
      service.strategy.broadcast('event', 'late');
      await log.line(/"event" was dropped/);
      expect(isClosed).toBe(false);
      release.resolve('answer');
      expect(await answer).toBe('answer');
      await closed;
      expect(strategy.peers.size).toBe(0);
      service.strategy.broadcast('event', 'too late');
      await n2nErrorOf(peer.send('echo', 1), 'NO_HANDLER');
      expect(await lastValueFrom(client.send('call', 2))).toBe(2);
      await new Promise((resolve) => strategy.listen(resolve));
      expect(await lastValueFrom(peer.send('echo', 3))).toBe(3);
      expect(told).toEqual([]);
    });

    test('are given up after drainTimeout', async () => {
      const { service, client } = await builder.start(NO_HANDLERS);
      const begun = deferred<void>();
      const stopped = deferred<void>();
      const endless = new Observable<never>(() => {
        begun.resolve();
        return () => stopped.resolve();
      });
      const { strategy } = await hostOver(
        client,
        scripted(() => endless),
        { drainTimeout: 30 },
      );
      const [peer] = service.strategy.peers;
      const outcome = n2nErrorOf(peer.send('call', 1), 'CONNECTION_LOST');
      await begun.promise;
      await strategy.close();
      await outcome;
      await stopped.promise;
    });
  });
}
