import { EMPTY, lastValueFrom, NEVER, Observable, of, toArray } from 'rxjs';
import { describe, expect, test, vi } from 'vitest';
import { N2NRecordBuilder, type N2NContext, type PeerClient } from '../../../src/index.js';
import { stopTheClock } from '../../support/fake-time.js';
import { deferred, proveNothingIsLeft, turn } from '../../support/harness.js';
import { n2nErrorOf, outcomeOf } from '../../support/outcome.js';
import { scripted } from '../../support/scripted.js';
import { BUILDERS, startClient, startService } from '../../support/service.js';
import { WAYS, cutConnections, hostOver } from '../../support/ways.js';

const SOON = { reconnectionDelay: 1, maxReconnectionDelay: 20, maxReconnectionAttempts: Infinity };

// Calls in either direction go on over the next connection.
for (const way of WAYS) {
  describe(`a connection that is cut, ${way.name}`, () => {
    proveNothingIsLeft();

    test('a call under way gets its answer, from the one run of its handler', async () => {
      let runs = 0;
      const begun = deferred<void>();
      const release = deferred<string>();
      const parts = scripted(() => {
        runs += 1;
        begun.resolve();
        return release.promise;
      });
      const ends = await way.start(parts, { client: SOON });
      const answer = lastValueFrom(ends.caller.send('call', 1));
      await begun.promise;
      const back = new Promise((resolve) => ends.client.on('reconnect', resolve));
      cutConnections(ends.service);
      release.resolve('answer');
      await back;
      expect([await answer, runs]).toEqual(['answer', 1]);
    });

    test('streams go on in order, whole, and each value once, however often it is cut', async () => {
      const parts = scripted(async function* numbers(count: number) {
        for (let value = 0; value < count; value++) {
          yield value;
          if (value % 50 === 0) await turn();
        }
      });
      const ends = await way.start(parts, { client: SOON });
      let cuts = 0;
      const cut = (): void => {
        cuts += 1;
        cutConnections(ends.service);
      };
      if (ends.caller === ends.client) ends.client.on('connect', () => setImmediate(() => cuts < 5 && cut()));
      else ends.client.on('reconnect', () => setImmediate(() => cuts < 5 && cut()));
      cut();
      const values = await lastValueFrom(ends.caller.send<number>('call', 20_000).pipe(toArray()));
      expect(values).toEqual(Array.from({ length: 20_000 }, (_, index) => index));
      expect(cuts).toBe(5);
    });

    test('what is called meanwhile waits', async () => {
      const ends = await way.start(
        scripted((data: number) => data + 1),
        { client: SOON },
      );
      await lastValueFrom(ends.caller.send('call', 1));
      const gone = new Promise((resolve) => ends.client.on('disconnect', resolve));
      cutConnections(ends.service);
      await gone;
      const answers = [1, 2, 3].map((value) => lastValueFrom(ends.caller.send<number>('call', value)));
      expect(await Promise.all(answers)).toEqual([2, 3, 4]);
    });

    test('an event is handled once', async () => {
      const handled: unknown[] = [];
      const last = deferred<void>();
      const parts = scripted(
        () => 1,
        (data: unknown) => {
          handled.push(data);
          if (data === 'last') last.resolve();
        },
      );
      const ends = await way.start(parts, { client: SOON });
      await lastValueFrom(ends.caller.send('echo', 1));
      ends.caller.emit('event', 'first');
      cutConnections(ends.service);
      await lastValueFrom(ends.caller.send('echo', 2));
      ends.caller.emit('event', 'last');
      await last.promise;
      expect(handled).toEqual(['first', 'last']);
    });
  });
}

// What a server and a client know of a session beside its calls.
for (const builder of BUILDERS) {
  describe(`a client that comes back, over ${builder.name}`, () => {
    proveNothingIsLeft();

    test('is the same peer, under its first id, with its new socket', async () => {
      const { service, client } = await builder.start(
        scripted(() => 1),
        {},
        SOON,
      );
      const [peer] = service.strategy.peers;
      const socket = peer.unwrap<{ id: string }>();
      const back = new Promise((resolve) => client.on('reconnect', resolve));
      cutConnections(service);
      await back;
      await lastValueFrom(client.send('echo', 1));
      expect([...service.strategy.peers]).toEqual([peer]);
      expect(service.strategy.peers.get(socket.id)).toBe(peer);
      expect(peer.unwrap<{ id: string }>().id).not.toBe(socket.id);
    });

    test('is called over its session also by what was its peer before it said so', async () => {
      const { service, client } = await builder.start(
        scripted(() => 1),
        {},
        SOON,
      );
      const early = deferred<PeerClient | undefined>();
      service.strategy.on('connection', ({ id }: { id: string }) =>
        early.resolve(service.strategy.peers.get(id)),
      );
      cutConnections(service);
      const peer = await early.promise;
      await lastValueFrom(client.send('echo', 1));
      expect(service.strategy.peers.size).toBe(1);
      await n2nErrorOf(peer?.send('call', 1) ?? EMPTY, 'NO_HANDLER');
    });

    test('is in its rooms again', async () => {
      const heard = deferred<unknown>();
      const { service, client } = await builder.start(
        scripted((_data, context: N2NContext) => void context.join('room')),
        {},
        SOON,
      );
      await hostOver(
        client,
        scripted(() => 1, heard.resolve),
      );
      await lastValueFrom(client.send('call', 1), { defaultValue: undefined });
      const back = new Promise((resolve) => client.on('reconnect', resolve));
      cutConnections(service);
      await back;
      await lastValueFrom(client.send('echo', 1));
      service.strategy.broadcast('event', 'hello', { room: 'room' });
      expect(await heard.promise).toBe('hello');
    });

    test('is in the rooms that a handler has put it into meanwhile, and out of those that it has left', async () => {
      const away = deferred<void>();
      const parts = scripted(async (_data, context: N2NContext) => {
        await context.join('left');
        context.getSocket().once('disconnect', () => away.resolve());
        cutConnections(service);
        await away.promise;
        await context.join('joined');
        await context.leave('left');
        return 'answer';
      });
      const { service, client } = await builder.start(parts, {}, SOON);
      expect(await lastValueFrom(client.send('call', 1))).toBe('answer');
      const { adapter } = service.io.of('/');
      const [peer] = service.strategy.peers;
      const { id } = peer.unwrap<{ id: string }>();
      expect([...adapter.sids]).toEqual([[id, new Set([id, 'joined'])]]);
    });

    test('to a server whose adapter cannot let it join: that is logged', async () => {
      const { service, client } = await builder.start(
        scripted((_data, context: N2NContext) => void context.join('room')),
        {},
        SOON,
      );
      await lastValueFrom(client.send('call', 1), { defaultValue: undefined });
      service.io.of('/').adapter.addAll = (_id, rooms) =>
        rooms.has('room') ? Promise.reject(new Error('no such room')) : undefined;
      cutConnections(service);
      expect(await service.log.line(/no such room/)).toMatch(/^error/);
      expect(await lastValueFrom(client.send('echo', 1))).toBe(1);
    });

    test('after attempts that failed, still within the window, however late in it', async () => {
      const begun = deferred<void>();
      const release = deferred<string>();
      const parts = scripted(() => {
        begun.resolve();
        return release.promise;
      });
      const { service, client } = await builder.start(parts, {}, { randomizationFactor: 0 });
      let isBack = false;
      service.io.use((_socket, next) => next(isBack ? undefined : new Error('not now')));
      stopTheClock();
      let passed = 0;
      client.on('reconnecting', (delay: number) => {
        passed += delay;
        isBack = passed > 9000;
        vi.advanceTimersByTime(delay);
      });
      const answer = lastValueFrom(client.send('call', 1));
      await begun.promise;
      cutConnections(service);
      release.resolve('answer');
      expect(await answer).toBe('answer');
      // While the clock can be moved: the service, which closes first, would have it try to come back again.
      await client.close();
    });

    test('as somebody else gets a session of its own, and the calls of the former fail', async () => {
      const parts = scripted(() => new Observable<never>(() => {}));
      const service = await startService(parts);
      let who = 'a';
      service.io.use((socket, next) => {
        (socket.data as { identity?: unknown }).identity = (socket.handshake.auth as { who: string }).who;
        next();
      });
      const client = startClient(service.url, { ...SOON, transports: [builder.name], auth: () => ({ who }) });
      await client.connect();
      const lost = n2nErrorOf(client.send('call', 1), 'CONNECTION_LOST');
      await lastValueFrom(client.send('echo', 1));
      who = 'b';
      cutConnections(service);
      expect((await lost).message).toContain('no longer has the session');
    });

    test('to a server that no longer has the session: the calls under way fail, and say why', async () => {
      const { service, client } = await builder.start(
        scripted(() => new Observable<never>(() => {})),
        { resumeWindow: 50 },
        { reconnectionDelay: 500, randomizationFactor: 0 },
      );
      const lost = n2nErrorOf(client.send('call', 1), 'CONNECTION_LOST');
      await lastValueFrom(client.send('echo', 1));
      cutConnections(service);
      expect((await lost).details).toEqual({ window: 50 });
      expect(await lastValueFrom(client.send('echo', 2))).toBe(2);
    });

    test('within its own window, to a server that has lost it: likewise', async () => {
      const { service, client } = await builder.start(
        scripted(() => new Observable<never>(() => {})),
        { drainTimeout: 0 },
        SOON,
      );
      const lost = n2nErrorOf(client.send('call', 1), 'CONNECTION_LOST');
      await lastValueFrom(client.send('echo', 1));
      const { tickets } = (
        service.strategy as unknown as { host: { sessions: { tickets: { entries: Map<string, unknown> } } } }
      ).host.sessions;
      tickets.entries.clear();
      cutConnections(service);
      expect((await lost).message).toContain('no longer has the session');
      expect(await lastValueFrom(client.send('echo', 2))).toBe(2);
    });

    test('too late: the calls under way have failed when the window had passed, on both sides', async () => {
      const stopped = deferred<void>();
      const parts = scripted(() => new Observable<never>(() => () => stopped.resolve()));
      const { service, client } = await builder.start(
        parts,
        {},
        { reconnectionDelay: 2000, resumeWindow: 50 },
      );
      const lost = n2nErrorOf(client.send('call', 1), 'CONNECTION_LOST');
      await lastValueFrom(client.send('echo', 1));
      cutConnections(service);
      expect((await lost).details).toEqual({ window: 50 });
      await stopped.promise;
      expect(service.strategy.peers.size).toBe(0);
    });

    test('never, where the client does not reconnect: its calls fail at once', async () => {
      const { service, client } = await builder.start(
        scripted(() => new Observable<never>(() => {})),
        {},
        { reconnect: false },
      );
      const outcome = outcomeOf(client.send('call', 1));
      await lastValueFrom(client.send('echo', 1));
      cutConnections(service);
      expect((await outcome).error).toMatchObject({ code: 'CONNECTION_LOST' });
    });

    test('never, where it does not reconnect: an idempotent call begins to connect anew, after the end was told', async () => {
      let runs = 0;
      const { service, client } = await builder.start(
        scripted(() => ((runs += 1) === 1 ? NEVER : of('again'))),
        {},
        { reconnect: false },
      );
      const statuses: string[] = [];
      const outcome = outcomeOf(client.send('call', new N2NRecordBuilder(1).idempotent().build()));
      await lastValueFrom(client.send('echo', 1));
      client.status.subscribe((status) => statuses.push(status));
      cutConnections(service);
      expect(await outcome).toEqual({ values: ['again'] });
      expect(statuses).toEqual(['connected', 'reconnecting', 'disconnected', 'connected']);
    });
  });

  describe(`in a listener of "disconnect", over ${builder.name}`, () => {
    proveNothingIsLeft();

    test.each([0, 10_000])('connect() and calls wait for the next connection (window %i)', async (window) => {
      const { service, client } = await builder.start(
        scripted(() => 1),
        { resumeWindow: window },
        SOON,
      );
      const made = new Promise<unknown[]>((resolve) => {
        client.unwrap().once('disconnect', () => {
          const connected = client.connect().then(() => client.unwrap().connected);
          resolve(Promise.all([connected, lastValueFrom(client.send('echo', 'there'))]));
        });
      });
      cutConnections(service);
      expect(await made).toEqual([true, 'there']);
    });
  });
}
