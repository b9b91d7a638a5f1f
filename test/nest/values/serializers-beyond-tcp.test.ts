import { RpcException } from '@nestjs/microservices';
import { concat, lastValueFrom, NEVER, Observable, of, throwError } from 'rxjs';
import { io } from 'socket.io-client';
import { describe, expect, test, vi } from 'vitest';
import { N2NClient, N2NRecordBuilder, N2NServer } from '../../../src/index.js';
import { stopTheClock } from '../../support/fake-time.js';
import { atEnd, deferred, proveNothingIsLeft, turn } from '../../support/harness.js';
import { watchWhatIsKept } from '../../support/kept.js';
import { n2nErrorOf, n2nErrorThrown, outcomeOf } from '../../support/outcome.js';
import { NO_HANDLERS, scripted } from '../../support/scripted.js';
import { envelope, reads, writes, type Packet } from '../../support/serializers.js';
import { BUILDERS, startClient, startService } from '../../support/service.js';
import { hostOver } from '../../support/ways.js';

async function collect(data: AsyncIterable<unknown>): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const value of data) values.push(value);
  return values;
}

/** Refuses packets in which the text "unwritable" is. */
const picky = writes((packet) => {
  if (JSON.stringify(packet).includes('unwritable')) throw new RangeError('the serializer refuses');
  return packet;
});

/** Refuses packets in which the text "unreadable" is, each in its own way. */
const READERS = {
  'that throws': reads((packet: Packet) => {
    if (JSON.stringify(packet).includes('unreadable')) throw new RangeError('the deserializer refuses');
    return packet;
  }),
  'that rejects': reads(async (packet: Packet) => {
    if (JSON.stringify(packet).includes('unreadable')) throw new RangeError('the deserializer refuses');
    return packet;
  }),
  'that gives no packet': reads((packet: Packet) =>
    JSON.stringify(packet).includes('unreadable') ? 'the deserializer refuses' : packet,
  ),
};

// What serializers do that Nest's TCP transport has no counterpart of, or does otherwise.
for (const builder of BUILDERS) {
  describe(`serializers beyond TCP, over ${builder.name}`, () => {
    proveNothingIsLeft();

    test('the values of a payload that is a stream are packets each', async () => {
      const seen: Packet[] = [];
      const parts = scripted(async (data: AsyncIterable<unknown>, context) => [
        await collect(data),
        context.getHeaders(),
        context.getMetadata(),
      ]);
      const serializer = writes((packet) => {
        seen.push(packet);
        return { v: 1, payload: packet };
      });
      const { client } = await builder.start(parts, envelope, { ...envelope, serializer });
      client.setOnDispatchHook((packet) => {
        packet.metadata = { trace: 'a' };
      });
      const iterable = (async function* () {
        yield 1;
        yield { two: Buffer.from('2') };
      })();
      const record = new N2NRecordBuilder(iterable).setHeaders({ h: 'x' }).build();
      expect(await lastValueFrom(client.send('call', record))).toEqual([
        [1, { two: Buffer.from('2') }],
        { h: 'x' },
        { trace: 'a' },
      ]);
      expect(await lastValueFrom(client.send('call', of(3)))).toEqual([[3], {}, { trace: 'a' }]);
      expect(seen.map(({ pattern, data }) => [pattern, data])).toEqual([
        ['call', 1],
        ['call', { two: Buffer.from('2') }],
        ['call', 3],
      ]);
      expect(seen[0]?.['id']).toBe(seen[1]?.['id']);
      expect(seen[0]?.['id']).not.toBe(seen[2]?.['id']);
    });

    test('a deserializer of the server alone reads the values of a payload, too', async () => {
      const deserializer = reads((packet: Packet) => ({
        ...packet,
        data: [packet['data'], packet['pattern']],
      }));
      const { client } = await builder.start(scripted(collect), { deserializer });
      expect(await lastValueFrom(client.send('call', of(1, 2)))).toEqual([
        [1, 'call'],
        [2, 'call'],
      ]);
    });

    test('a handler that takes no more of a payload lets go of its source', async () => {
      const returned = deferred<void>();
      const parts = scripted(async (data: AsyncIterable<unknown>) => {
        for await (const value of data) {
          if (value === 1) break;
        }
        await returned.promise;
        return 'enough';
      });
      const { client } = await builder.start(parts, envelope, envelope);
      const source = (async function* () {
        try {
          yield* endlessly();
        } finally {
          returned.resolve();
        }
      })();
      expect(await lastValueFrom(client.send('call', source))).toBe('enough');
    });

    test('what a deserializer leaves out of a packet is as it came', async () => {
      const written: Packet[] = [];
      const serializer = writes((packet) => {
        written.push(packet);
        return packet;
      });
      const { client } = await builder.start(
        scripted((data) => data),
        { serializer, deserializer: reads(({ data }: Packet) => ({ data })) },
      );
      expect(await lastValueFrom(client.send('call', 1))).toBe(1);
      expect(written).toEqual([{ response: 1, isDisposed: true, id: expect.any(String) as unknown }]);
    });

    test('a value of a stream that becomes an error ends the stream, and its handler', async () => {
      let stopped = false;
      const values = new Observable((subscriber) => {
        subscriber.next(1);
        subscriber.next(2);
        return () => (stopped = true);
      });
      const { client } = await builder.start(
        scripted(() => values),
        { serializer: writes((packet) => (packet['response'] === 2 ? { ...packet, err: 'two' } : packet)) },
      );
      expect(await outcomeOf(client.send('call', 1))).toEqual({ values: [1], error: 'two' });
      expect(stopped).toBe(true);
    });

    test('acknowledged events, whose outcomes are no packets', async () => {
      const told: unknown[] = [];
      const parts = scripted(
        () => 1,
        (data) => {
          told.push(data);
          if (data === 'bad') throw new RpcException('refused');
        },
      );
      const { client } = await builder.start(parts, envelope, envelope);
      const acknowledged = (data: unknown) => new N2NRecordBuilder(data).acknowledged().build();
      expect(await outcomeOf(client.emit('event', acknowledged({ a: 1 })))).toEqual({ values: [undefined] });
      expect(await outcomeOf(client.emit('event', acknowledged('bad')))).toEqual({
        values: [],
        error: { status: 'error', message: 'refused' },
      });
      expect(told).toEqual([{ a: 1 }, 'bad']);
    });

    test('what the codec can write may be in packets', async () => {
      const codec = { codec: 'v8' } as const;
      const { client } = await builder.start(
        scripted((data) => of(data, data)),
        { ...envelope, ...codec },
        { ...envelope, ...codec },
      );
      const value = { at: new Date(5), bytes: Buffer.from('x'), big: 2n ** 70n };
      expect(await outcomeOf(client.send('call', value))).toEqual({ values: [value, value] });
    });

    test('a missing handler is an N2NError', async () => {
      const { client } = await builder.start(NO_HANDLERS, envelope, envelope);
      expect((await n2nErrorOf(client.send('nobody', 1), 'NO_HANDLER')).details).toEqual({
        pattern: 'nobody',
      });
    });

    test("what a client's serializer makes that is no packet is the payload, as over Redis", async () => {
      const { client } = await builder.start(
        scripted((data) => data),
        {},
        { serializer: writes(({ data }) => ({ only: data })) },
      );
      expect(await lastValueFrom(client.send('call', 5))).toEqual({ only: 5 });
    });

    test("what a server's serializer makes that is no packet is the value, once it is the last", async () => {
      const { client } = await builder.start(
        scripted(() => of(1, 2)),
        { serializer: writes(({ response, isDisposed }) => ({ given: response, isLast: isDisposed })) },
      );
      expect(await outcomeOf(client.send('echo', 5))).toEqual({ values: [{ given: 5, isLast: true }] });
      expect((await outcomeOf(client.send('call', 5))).values.slice(0, 2)).toEqual([
        { given: 1 },
        { given: 2 },
      ]);
    });

    test('stock clients get and give values; the deserializer is given packets', async () => {
      const told: unknown[] = [];
      const read: unknown[] = [];
      const service = await startService(
        scripted(
          (data) => data,
          (data) => told.push(data),
        ),
        {
          serializer: writes((packet) => ({ ...packet, response: [packet['response']] })),
          deserializer: reads((packet: Packet) => {
            read.push(packet);
            return { ...packet, data: { was: packet['data'] } };
          }),
        },
      );
      const stock = io(service.url, { transports: ['websocket'], forceNew: true, reconnection: false });
      atEnd(() => stock.disconnect());
      stock.emit('event', 'told');
      expect(await stock.emitWithAck('call', 'asked')).toEqual([{ was: 'asked' }]);
      expect(told).toEqual([{ was: 'told' }]);
      expect(read).toEqual([
        { pattern: 'event', data: 'told' },
        { pattern: 'call', data: 'asked', id: expect.any(String) as unknown },
      ]);
    });

    test('of the side that hosts handlers on a connection that it has dialed', async () => {
      const service = await startService(scripted((data, context) => context.getPeer().send('call', data)));
      const client = startClient(service.url, { transports: [builder.name] });
      await hostOver(
        client,
        scripted((data) => data),
        {
          serializer: writes((packet) => ({ ...packet, response: [packet['response']] })),
          deserializer: reads((packet: Packet) => ({ ...packet, data: { was: packet['data'] } })),
        },
      );
      expect(await lastValueFrom(client.send('call', 1))).toEqual([{ was: 1 }]);
    });
  });

  describe(`serializers that fail, over ${builder.name}`, () => {
    proveNothingIsLeft();

    test("the client's: each call fails on its side, and no other", async () => {
      const called: unknown[] = [];
      const { client, service } = await builder.start(
        scripted(
          async (data: AsyncIterable<unknown>) => collect(data),
          (data) => called.push(data),
        ),
        {},
        { serializer: picky },
      );
      const nothingIsKept = watchWhatIsKept({ client, service });
      const error = await n2nErrorOf(client.send('echo', 'unwritable'), 'NOT_SERIALIZABLE');
      expect([error.message, error.cause]).toEqual([
        expect.stringContaining('the serializer refuses'),
        expect.any(RangeError),
      ]);
      await n2nErrorOf(client.emit('event', 'unwritable'), 'NOT_SERIALIZABLE');
      let returned = 0;
      const source = (async function* () {
        try {
          yield 1;
          yield 'unwritable';
          yield 2;
        } finally {
          returned += 1;
        }
      })();
      await n2nErrorOf(client.send('call', source), 'NOT_SERIALIZABLE');
      const values = new Observable((subscriber) => {
        subscriber.next('unwritable');
        return () => (returned += 1);
      });
      await n2nErrorOf(client.send('call', values), 'NOT_SERIALIZABLE');
      expect(returned).toBe(2);
      expect(await lastValueFrom(client.send('echo', 'fine'))).toBe('fine');
      expect(called).toEqual([]);
      await nothingIsKept();
    });

    test.each(['a client with packets', 'a client without'])(
      "the server's, for %s: each call fails, its handler is stopped, and no other",
      async (how) => {
        let stopped = 0;
        let ended = 0;
        const endless = new Observable((subscriber) => {
          subscriber.next(1);
          subscriber.next('unwritable');
          subscriber.next(2);
          return () => (stopped += 1);
        });
        const answers: Record<string, () => unknown> = {
          value: () => 'unwritable',
          observable: () => endless,
          generator: async function* () {
            try {
              yield 1;
              yield 'unwritable';
              await new Promise(() => {});
            } finally {
              stopped += 1;
            }
          },
          error: () => throwError(() => new RpcException('unwritable')),
        };
        const { client, service } = await builder.start(
          scripted((data: string) => answers[data]?.()),
          { serializer: picky },
          how === 'a client without' ? {} : { deserializer: reads((packet) => packet) },
        );
        service.strategy.setOnProcessingEndHook(() => void (ended += 1));
        const nothingIsKept = watchWhatIsKept({ client, service });
        for (const [name, values] of [
          ['value', []],
          ['observable', [1]],
          ['generator', [1]],
          ['error', []],
        ] as const) {
          const outcome = await outcomeOf(client.send('call', name));
          expect([name, outcome]).toMatchObject([name, { values, error: { code: 'NOT_SERIALIZABLE' } }]);
        }
        expect(await lastValueFrom(client.send('echo', 'fine'))).toBe('fine');
        await nothingIsKept();
        expect([stopped, ended]).toEqual([2, 5]);
      },
    );

    test.each(Object.entries(READERS))("the server's deserializer %s", async (_how, deserializer) => {
      const called: unknown[] = [];
      const { client, service } = await builder.start(
        scripted(
          async (data: AsyncIterable<unknown>) =>
            collect(data).catch((error: unknown) => {
              called.push((error as { code?: unknown }).code);
              throw error;
            }),
          (data) => called.push(data),
        ),
        { deserializer },
      );
      const nothingIsKept = watchWhatIsKept({ client, service });
      const { message } = await n2nErrorOf(client.send('echo', 'unreadable'), 'PROTOCOL_ERROR');
      expect(message).toMatch(/deserializer/);
      await lastValueFrom(client.emit('event', 'unreadable'), { defaultValue: undefined });
      const lost = client.emit('event', new N2NRecordBuilder('unreadable').acknowledged().build());
      await n2nErrorOf(lost, 'PROTOCOL_ERROR');
      expect(service.log.lines.filter((line) => /deserializer/.test(line))).toHaveLength(1);
      expect(called).toEqual([]);
      let returned = false;
      const source = (async function* () {
        try {
          yield 'unreadable';
          yield* endlessly();
        } finally {
          returned = true;
        }
      })();
      expect(await outcomeOf(client.send('call', source))).toEqual({
        values: [],
        error: { status: 'error', message: 'Internal server error' },
      });
      expect(called).toEqual(['PROTOCOL_ERROR']);
      expect(await lastValueFrom(client.send('echo', 'fine'))).toBe('fine');
      await nothingIsKept();
      expect(returned).toBe(true);
    });

    test.each(Object.entries(READERS))("the client's deserializer %s", async (_how, deserializer) => {
      const stopped = deferred<void>();
      const { client, service } = await builder.start(
        scripted((_data, context) => {
          context.getSignal().addEventListener('abort', () => stopped.resolve());
          return concat(of(1, 'unreadable', 2), NEVER);
        }),
        {},
        { deserializer },
      );
      const nothingIsKept = watchWhatIsKept({ client, service });
      const stream = client.stream('call', 1);
      expect(await stream.next()).toEqual({ done: false, value: 1 });
      await expect(stream.next()).rejects.toMatchObject({ code: 'PROTOCOL_ERROR' });
      await stopped.promise;
      expect(await lastValueFrom(client.send('echo', 'fine'))).toBe('fine');
      await nothingIsKept();
    });

    test.each(['client', 'server'])('a serializer of the %s that gives a promise', async (side) => {
      const serializer = writes(async (packet) => {
        if (packet['data'] === 'rejected') throw new Error('late');
        return packet;
      });
      const { client } = await builder.start(
        scripted((data) => data),
        side === 'server' ? { serializer } : {},
        side === 'client' ? { serializer } : {},
      );
      const { message } = await n2nErrorOf(client.send('echo', 'x'), 'NOT_SERIALIZABLE');
      expect(message).toMatch(/promise/);
      // Nor does its rejection end the process.
      await n2nErrorOf(client.send('echo', 'rejected'), 'NOT_SERIALIZABLE');
      await turn();
    });

    test('a pattern that cannot be spelled', async () => {
      const pattern = {
        get cmd(): string {
          throw new RangeError('too deep');
        },
      };
      const { client } = await builder.start(NO_HANDLERS, {
        deserializer: reads((packet: Packet) => ({ ...packet, pattern })),
      });
      await n2nErrorOf(client.send('call', 1), 'PROTOCOL_ERROR');
    });
  });

  describe(`deserializers that take their time, over ${builder.name}`, () => {
    proveNothingIsLeft();

    test('give the values of a stream in order, and hold back the handler', async () => {
      let produced = 0;
      let read = 0;
      const hold = deferred<void>();
      const deserializer = reads(async (packet: Packet) => {
        read += 1;
        await (read === 1 ? hold.promise : turn());
        return packet;
      });
      const parts = scripted(async function* () {
        while (produced < 1500) yield (produced += 1);
      });
      const { client } = await builder.start(parts, {}, { deserializer });
      const values: unknown[] = [];
      const over = new Promise<void>((resolve) =>
        client.send('call', 1).subscribe({ next: (value) => values.push(value), complete: resolve }),
      );
      for (let turns = 0; turns < 200; turns += 1) await turn();
      expect([values, produced < 600]).toEqual([[], true]);
      hold.resolve();
      await over;
      expect(values).toEqual(Array.from({ length: 1500 }, (_, index) => index + 1));
    });

    test('and so does a slow consumer of a stream whose packets are read at once', async () => {
      let produced = 0;
      const parts = scripted(async function* () {
        while (produced < 1500) yield (produced += 1);
      });
      const { client } = await builder.start(parts, envelope, envelope);
      const stream = client.stream<number>('call', 1);
      expect(await stream.next()).toEqual({ done: false, value: 1 });
      for (let turns = 0; turns < 200; turns += 1) await turn();
      expect(produced).toBeLessThan(600);
      expect((await collect(stream)).length).toBe(1499);
    });

    test('a call that is cancelled while its request is read never reaches its handler', async () => {
      const reading = deferred<void>();
      const hold = deferred<void>();
      const called: unknown[] = [];
      const deserializer = reads(async (packet: Packet) => {
        reading.resolve();
        if (packet['data'] === 'held') await hold.promise;
        return packet;
      });
      const { client, service } = await builder.start(
        scripted((data) => called.push(data)),
        { deserializer },
      );
      const nothingIsKept = watchWhatIsKept({ client, service });
      const subscription = client.send('call', 'held').subscribe();
      await reading.promise;
      subscription.unsubscribe();
      expect(await lastValueFrom(client.send('echo', 1))).toBe(1);
      hold.resolve();
      await turn();
      await nothingIsKept();
      expect(called).toEqual([]);
    });

    test('nothing comes of an answer that is read after its call was cancelled', async () => {
      const reading = deferred<void>();
      const hold = deferred<void>();
      let read = 0;
      const deserializer = reads(async (packet: Packet) => {
        read += 1;
        reading.resolve();
        await hold.promise;
        return packet;
      });
      const { client } = await builder.start(
        scripted(() => concat(of(1, 2), NEVER)),
        {},
        { deserializer },
      );
      const values: unknown[] = [];
      const subscription = client.send('call', 1).subscribe((value) => values.push(value));
      await reading.promise;
      subscription.unsubscribe();
      hold.resolve();
      await turn();
      // The second is not even read.
      expect([values, read]).toEqual([[], 1]);
    });

    test('are no reason for a timeout, which begins anew when they are done', async () => {
      const reading = deferred<void>();
      const hold = deferred<void>();
      const deserializer = reads(async (packet: Packet) => {
        reading.resolve();
        await hold.promise;
        return packet;
      });
      const { client } = await builder.start(
        scripted(() => concat(of(1), NEVER)),
        {},
        { deserializer, timeout: 1000 },
      );
      stopTheClock();
      const given = deferred<void>();
      let isOver = false;
      const outcome = new Promise((resolve) =>
        client.send('call', 1).subscribe({ next: () => given.resolve(), error: resolve }),
      ).finally(() => (isOver = true));
      await reading.promise;
      vi.advanceTimersByTime(5000);
      hold.resolve();
      await given.promise;
      await turn();
      expect(isOver).toBe(false);
      vi.advanceTimersByTime(1000);
      expect(await outcome).toMatchObject({ code: 'TIMEOUT' });
    });

    test('give what came before the connection was lost, and then the error', async () => {
      const reading = deferred<void>();
      const hold = deferred<void>();
      const deserializer = reads(async (packet: Packet) => {
        reading.resolve();
        await hold.promise;
        return packet;
      });
      const { client, service } = await builder.start(
        scripted(() => concat(of(1, 2), NEVER)),
        {},
        { deserializer, reconnect: false },
      );
      const outcome = outcomeOf(client.send('call', 1));
      await reading.promise;
      await service.app.close();
      hold.resolve();
      expect(await outcome).toMatchObject({ values: [1, 2], error: { code: 'CONNECTION_LOST' } });
    });
  });

  describe(`options of serializers, over ${builder.name}`, () => {
    test.each([5, 'x', {}, { serialize: 1 }, null])('%j is none', (value) => {
      for (const option of ['serializer', 'deserializer']) {
        for (const make of [
          () => new N2NServer({ [option]: value }),
          () => new N2NClient({ [option]: value }),
        ]) {
          expect(n2nErrorThrown(make, 'INVALID_OPTIONS').message).toContain(option);
        }
      }
    });
  });
}

async function* endlessly(): AsyncGenerator<number> {
  for (;;) {
    yield 1;
    await turn();
  }
}
