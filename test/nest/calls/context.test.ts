import { io } from 'socket.io-client';
import { EMPTY, lastValueFrom } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { N2NRecordBuilder, type N2NClient, type PeerClient } from '../../../src/index.js';
import { atEnd, deferred, proveNothingIsLeft } from '../../support/harness.js';
import { n2nErrorOf, n2nErrorThrown, outcomeOf } from '../../support/outcome.js';
import { NO_HANDLERS, scripted } from '../../support/scripted.js';
import { BUILDERS, startClient, startService, type Builder, type Service } from '../../support/service.js';
import { WAYS, hostOver } from '../../support/ways.js';

// What travels around a payload, in both directions.
for (const way of WAYS) {
  describe(`what a handler knows of its call, ${way.name}`, () => {
    proveNothingIsLeft();

    test('headers, as they were given', async () => {
      const { caller } = await way.start(scripted((data, context) => [data, context.getHeaders()]));
      const headers: Record<string, string> = { tenant: 'é 犬', empty: '', upper: 'Mine' };
      const builder = new N2NRecordBuilder<unknown>({ id: 7 }).setHeaders(headers);
      headers['tenant'] = 'changed since';
      expect(await lastValueFrom(caller.send<unknown>('call', builder.build()))).toEqual([
        { id: 7 },
        { tenant: 'é 犬', empty: '', upper: 'Mine' },
      ]);
      expect(await lastValueFrom(caller.send('call', 'without'))).toEqual(['without', {}]);
    });

    test('headers of events', async () => {
      const seen = deferred<unknown>();
      const parts = scripted(
        () => 1,
        (data, context) => seen.resolve([data, context.getHeaders()]),
      );
      const { caller } = await way.start(parts);
      caller.emit('event', new N2NRecordBuilder(1).setHeaders({ a: 'b' }).build());
      expect(await seen.promise).toEqual([1, { a: 'b' }]);
    });

    test('headers beside the metadata of a dispatch hook', async () => {
      const { caller } = await way.start(
        scripted((_data, context) => [context.getHeaders(), context.getMetadata()]),
      );
      caller.setOnDispatchHook((packet) => {
        packet.metadata = { trace: '5' };
      });
      const record = new N2NRecordBuilder(1).setHeaders({ a: 'b' }).build();
      expect(await lastValueFrom(caller.send('call', record))).toEqual([{ a: 'b' }, { trace: '5' }]);
    });

    test('headers beyond their bound fail their own call', async () => {
      const { caller } = await way.start(scripted(() => 1));
      const record = new N2NRecordBuilder(1).setHeaders({ long: 'x'.repeat(70_000) }).build();
      await n2nErrorOf(caller.send('call', record), 'PAYLOAD_TOO_LARGE');
      expect(await lastValueFrom(caller.send('echo', 1))).toBe(1);
    });

    test('the pattern, the socket and the peer, of calls and events', async () => {
      const event = deferred<unknown>();
      const { caller, service } = await way.start(
        scripted(
          (_data, context) => [
            context.getPattern(),
            context.getSocket().id,
            context.getPeer() === context.getPeer(),
            context.getMetadata() === undefined,
          ],
          (_data, context) => event.resolve([context.getPattern(), context.getDeadline()]),
        ),
      );
      const [socket] = service.io.sockets.sockets.values();
      expect(await lastValueFrom(caller.send('call', 1))).toEqual(['call', socket?.id, true, true]);
      caller.emit('event', 1);
      expect(await event.promise).toEqual(['event', undefined]);
    });
  });
}

/** A client with an identity, which hosts the handlers that it is given, and what they are told. */
async function worker(service: Service, builder: Builder, name: unknown): Promise<[N2NClient, unknown[]]> {
  const told: unknown[] = [];
  const client = startClient(service.url, { transports: [builder.name], auth: { name } });
  const parts = scripted(
    (data, context) => {
      const { id } = context.getSocket();
      return [name, data, context.getPeer().constructor.name, id === client.unwrap().socket?.id];
    },
    (data) => told.push(data),
  );
  await hostOver(client, parts);
  await client.connect();
  return [client, told];
}

/** A hub knows its clients by a name that a middleware has checked. */
async function startHub(): Promise<Service> {
  const service = await startService(
    scripted((data: { room: string; leave?: boolean; peer?: boolean }, context) => {
      if (data.peer === true) return context.getPeer().send('call', context.getIdentity());
      return data.leave === true ? context.leave(data.room) : context.join(data.room);
    }),
  );
  service.io.use((socket, next) => {
    (socket.data as { identity?: unknown }).identity = (socket.handshake.auth as { name?: unknown }).name;
    next();
  });
  return service;
}

// A service and the clients that have dialed it.
for (const builder of BUILDERS) {
  describe(`clients as peers, over ${builder.name}`, () => {
    proveNothingIsLeft();

    test('are called by id, and by identity', async () => {
      const service = await startHub();
      const { peers } = service.strategy;
      expect(peers.size).toBe(0);
      const [a] = await worker(service, builder, 'a');
      await worker(service, builder, 'b');
      await worker(service, builder, 'b');
      expect(peers.size).toBe(3);
      const id = a.unwrap().socket?.id ?? '';
      const peer = peers.get(id);
      expect([peer?.id, peer?.identity, peers.get('nobody')]).toEqual([id, 'a', undefined]);
      expect(peers.byIdentity('b').map(({ identity }) => identity)).toEqual(['b', 'b']);
      expect(peers.byIdentity('nobody')).toEqual([]);
      const answers = [...peers].map((one) => lastValueFrom(one.send<unknown[]>('call', 7)));
      expect(
        (await Promise.all(answers)).toSorted((a, b) => String(a[0]).localeCompare(String(b[0]))),
      ).toEqual([
        ['a', 7, 'PeerClient', true],
        ['b', 7, 'PeerClient', true],
        ['b', 7, 'PeerClient', true],
      ]);
    });

    test('are found by an identity that is an object, whichever object says it', async () => {
      const service = await startHub();
      const { peers } = service.strategy;
      await worker(service, builder, { user: 7 });
      await worker(service, builder, { user: 8 });
      expect(peers.byIdentity({ user: 7 }).map(({ identity }) => identity)).toEqual([{ user: 7 }]);
    });

    test('are told apart from stock Socket.IO clients', async () => {
      const service = await startHub();
      const { peers } = service.strategy;
      const [client] = await worker(service, builder, 'a');
      const stock = io(service.url, { transports: ['websocket'], reconnection: false, forceNew: true });
      atEnd(() => stock.disconnect());
      await new Promise<void>((resolve) => stock.once('connect', resolve));
      expect(peers.get(stock.id ?? '')?.isStock).toBe(true);
      expect(peers.get(client.unwrap().socket?.id ?? '')?.isStock).toBe(false);
      const callable = [...peers].filter(({ isStock }) => !isStock);
      expect(callable.map(({ identity }) => identity)).toEqual(['a']);
    });

    test('call a handler that calls them back while it serves them', async () => {
      const service = await startHub();
      const [client] = await worker(service, builder, 'a');
      expect(await lastValueFrom(client.send('call', { peer: true }))).toEqual([
        'a',
        'a',
        'PeerClient',
        true,
      ]);
      expect(service.io.engine.clientsCount).toBe(1);
    });

    test('are gone when they disconnect; a call to one that is gone fails', async () => {
      const service = await startHub();
      const [client] = await worker(service, builder, 'a');
      const [peer] = service.strategy.peers;
      if (peer === undefined) throw new Error('no peer');
      const gone = new Promise((resolve) => peer.unwrap<NodeJS.EventEmitter>().once('disconnect', resolve));
      await client.close();
      await gone;
      expect(service.strategy.peers.size).toBe(0);
      const { error } = await outcomeOf(peer.send('call', 1));
      expect(error).toMatchObject({ code: expect.stringMatching(/^(CLOSED|CONNECTION_LOST)$/) as unknown });
    });

    test('are the same from their connection on, before they have said what they are', async () => {
      const service = await startHub();
      const early = deferred<PeerClient | undefined>();
      service.strategy.on('connection', ({ id }: { id: string }) =>
        early.resolve(service.strategy.peers.get(id)),
      );
      await worker(service, builder, 'a');
      const peer = await early.promise;
      expect([...service.strategy.peers]).toEqual([peer]);
      expect(await lastValueFrom(peer?.send('call', 7) ?? EMPTY)).toEqual(['a', 7, 'PeerClient', true]);
      const gone = new Promise((resolve) => peer?.unwrap<NodeJS.EventEmitter>().once('disconnect', resolve));
      peer?.close();
      await gone;
      expect(service.strategy.peers.size).toBe(0);
    });

    test('that host nothing say so', async () => {
      const service = await startHub();
      await startClient(service.url, { transports: [builder.name] }).connect();
      const [peer] = service.strategy.peers;
      if (peer === undefined) throw new Error('no peer');
      await n2nErrorOf(peer.send('call', 1), 'NO_HANDLER');
    });

    test('are disconnected by close()', async () => {
      const service = await startHub();
      const [client] = await worker(service, builder, 'a');
      const [peer] = service.strategy.peers;
      const gone = new Promise((resolve) => client.on('disconnect', resolve));
      peer?.close();
      await gone;
    });
  });

  describe(`broadcasts, over ${builder.name}`, () => {
    proveNothingIsLeft();

    test('reach handlers that clients host, and stock clients, of a room or of all', async () => {
      const service = await startHub();
      const [a, toldA] = await worker(service, builder, 'a');
      const [b, toldB] = await worker(service, builder, 'b');
      const stock = io(service.url, { transports: ['websocket'], reconnection: false, forceNew: true });
      atEnd(() => stock.disconnect());
      await new Promise<void>((resolve) => stock.once('connect', resolve));
      const toldStock: unknown[] = [];
      stock.on('event', (data: unknown) => toldStock.push(data));
      const ask = (data: unknown): Promise<unknown> => stock.emitWithAck('call', data);

      await lastValueFrom(a.send('call', { room: 'red' }), { defaultValue: undefined });
      await ask({ room: 'red' });
      await lastValueFrom(b.send('call', { room: 'blue' }), { defaultValue: undefined });
      const { strategy } = service;
      const bytes = { file: Buffer.from('x') };
      strategy.broadcast('event', bytes);
      strategy.broadcast('event', 'red', { room: 'red' });
      strategy.broadcast('event', 'both', { room: ['red', 'blue'] });
      // Answers come behind the broadcasts, on each connection.
      const behind = async (): Promise<void> => {
        await Promise.all([...strategy.peers].map((peer) => lastValueFrom(peer.send('echo', 1))));
      };
      stock.on('echo', (_data: unknown, acknowledge: (answer: unknown) => void) => acknowledge(1));
      await behind();
      expect([toldA, toldB, toldStock]).toEqual([
        [bytes, 'red', 'both'],
        [bytes, 'both'],
        [bytes, 'red', 'both'],
      ]);

      await lastValueFrom(a.send('call', { room: 'red', leave: true }), { defaultValue: undefined });
      await ask({ room: 'red', leave: true });
      strategy.broadcast('event', 'nobody', { room: 'red' });
      strategy.broadcast({ cmd: 'nobody' }, 1, { room: 'red' });
      await behind();
      expect([toldA.length, toldB.length, toldStock.length]).toEqual([3, 2, 3]);
    });

    test('of what cannot be a plain event are refused, and cost no connection', async () => {
      const service = await startHub();
      const [a, told] = await worker(service, builder, 'a');
      const { strategy } = service;
      for (const name of ['connect', 'disconnect', 'newListener']) {
        n2nErrorThrown(() => strategy.broadcast(name, Buffer.from('b')), 'INVALID_OPTIONS');
        n2nErrorThrown(() => strategy.broadcast(name, 1, { room: 'red' }), 'INVALID_OPTIONS');
      }
      n2nErrorThrown(() => strategy.broadcast('event', 1n), 'NOT_SERIALIZABLE');
      strategy.broadcast('event', 'after');
      await lastValueFrom(a.send('echo', 1));
      expect(told).toEqual(['after']);
    });

    test('are for a server that has clients', async () => {
      const service = await startService(NO_HANDLERS);
      const client = startClient(service.url, { transports: [builder.name] });
      const { strategy } = await hostOver(client, NO_HANDLERS);
      expect(() => strategy.broadcast('event', 1)).toThrow(/cannot broadcast/);
    });
  });
}
