import { RpcException } from '@nestjs/microservices';
import { NEVER, Observable, concat, forkJoin, lastValueFrom, of } from 'rxjs';
import { describe, expect, test, vi } from 'vitest';
import { N2NRecordBuilder, type N2NRecord } from '../../../src/index.js';
import { deferred, HOST, proveNothingIsLeft } from '../../support/harness.js';
import { startEventProcess } from '../../support/processes/event-process.js';
import { stopTheClock } from '../../support/fake-time.js';
import { n2nErrorOf, outcomeOf } from '../../support/outcome.js';
import { NO_HANDLERS, scripted } from '../../support/scripted.js';
import { BUILDERS, startClient, startService } from '../../support/service.js';
import { WAYS, cutConnections, hostOver } from '../../support/ways.js';

const SOON = { reconnectionDelay: 1, maxReconnectionDelay: 20, randomizationFactor: 0 };
/** Without a window, so that a lost connection is a lost session. */
const FOREVER = { ...SOON, maxReconnectionAttempts: Infinity, resumeWindow: 0 };

function acknowledged(data: unknown): N2NRecord {
  return new N2NRecordBuilder(data).acknowledged().build();
}

function idempotent(data: unknown): N2NRecord {
  return new N2NRecordBuilder(data).idempotent().build();
}

// Events whose sender waits for the handlers.
for (const way of WAYS) {
  describe(`acknowledged events, ${way.name}`, () => {
    proveNothingIsLeft();

    test('complete when their handlers have, and not before', async () => {
      const begun = deferred<void>();
      const release = deferred<void>();
      const ends = await way.start(
        scripted(
          () => 1,
          async () => {
            begun.resolve();
            await release.promise;
          },
        ),
      );
      let isOver = false;
      const outcome = outcomeOf(ends.caller.emit('event', acknowledged(1))).finally(() => (isOver = true));
      await begun.promise;
      expect(await lastValueFrom(ends.caller.send('echo', 1))).toBe(1);
      expect(isOver).toBe(false);
      release.resolve();
      expect(await outcome).toEqual({ values: [undefined] });
    });

    test('error as the handler does, or when there is none', async () => {
      const ends = await way.start(
        scripted(
          () => 1,
          () => {
            throw new RpcException('refused');
          },
        ),
      );
      expect(await outcomeOf(ends.caller.emit('event', acknowledged(1)))).toEqual({
        values: [],
        error: { status: 'error', message: 'refused' },
      });
      await n2nErrorOf(ends.caller.emit('nobody', acknowledged(1)), 'NO_HANDLER');
    });
  });
}

// What is sent again when the connection was lost, and what is not.
for (const builder of BUILDERS) {
  describe(`several handlers of an acknowledged event, over ${builder.name}`, () => {
    proveNothingIsLeft();

    test.each([0, 1, 2])('it waits for all, and errors if number %i fails', async (failing) => {
      const ended: number[] = [];
      const handler = (index: number) =>
        scripted(
          () => 1,
          async () => {
            ended.push(index);
            if (index === failing) throw new RpcException(`number ${index}`);
          },
        );
      const controllers = [0, 1, 2].flatMap((index) => handler(index).controllers ?? []);
      const { client } = await builder.start({ controllers });
      const { error } = await outcomeOf(client.emit('event', acknowledged(1)));
      expect(error).toEqual({ status: 'error', message: `number ${failing}` });
      expect(ended.toSorted((a, b) => a - b)).toEqual([0, 1, 2]);
    });
  });

  describe(`after a lost connection, over ${builder.name}`, () => {
    proveNothingIsLeft();

    test.each(['succeeds', 'fails'])('an event whose handler %s later is handled once', async (how) => {
      let handled = 0;
      const begun = deferred<void>();
      const release = deferred<void>();
      const parts = scripted(
        () => 1,
        async () => {
          handled += 1;
          begun.resolve();
          await release.promise;
          if (how === 'fails') throw new RpcException('no');
        },
      );
      const { client, service } = await builder.start(parts, {}, FOREVER);
      const outcome = outcomeOf(client.emit('event', acknowledged(1)));
      await begun.promise;
      const back = new Promise((resolve) => client.on('reconnect', resolve));
      cutConnections(service);
      await back;
      expect(await lastValueFrom(client.send('echo', 1))).toBe(1);
      release.resolve();
      const { error } = await outcome;
      expect([handled, error]).toEqual([1, how === 'fails' ? { status: 'error', message: 'no' } : undefined]);
    });

    test("nothing is aborted of an event's handler: neither its signal nor the calls within it", async () => {
      const begun = deferred<void>();
      const release = deferred<void>();
      const inner = await builder.start(
        scripted(async () => {
          begun.resolve();
          await release.promise;
          return 'inner';
        }),
      );
      const seen: unknown[] = [];
      const parts = scripted(
        () => 1,
        async (_data, context) => {
          const signal = context.getSignal();
          signal.addEventListener('abort', () => seen.push('aborted'));
          seen.push(
            await lastValueFrom(inner.client.send('call', new N2NRecordBuilder(1).within(context).build())),
          );
        },
      );
      const { client, service } = await builder.start(parts, {}, FOREVER);
      const outcome = outcomeOf(client.emit('event', acknowledged(1)));
      await begun.promise;
      const back = new Promise((resolve) => client.on('reconnect', resolve));
      cutConnections(service);
      await back;
      expect(await lastValueFrom(client.send('echo', 1))).toBe(1);
      release.resolve();
      expect([await outcome, seen]).toEqual([{ values: [undefined] }, ['inner']]);
    });

    test('an event that was handled, and whose acknowledgement was lost, is not handled again', async () => {
      let handled = 0;
      const cut = deferred<() => void>();
      const parts = scripted(
        () => 1,
        async () => {
          handled += 1;
          (await cut.promise)();
        },
      );
      const { client, service } = await builder.start(parts, {}, FOREVER);
      // Between handling and acknowledgement: what is written after it goes nowhere.
      cut.resolve(() => cutConnections(service));
      expect(await outcomeOf(client.emit('event', acknowledged(1)))).toEqual({ values: [undefined] });
      expect(handled).toBe(1);
    });

    test('idempotent calls are sent again, others fail with CONNECTION_LOST', async () => {
      const served: string[] = [];
      const both = deferred<void>();
      const parts = scripted((data: string) => {
        served.push(data);
        if (served.length === 2) both.resolve();
        return served.length <= 2 ? NEVER : `again ${data}`;
      });
      const { client, service } = await builder.start(parts, {}, FOREVER);
      const repeated = outcomeOf(client.send('call', idempotent('repeated')));
      const lost = n2nErrorOf(client.send('call', 'lost'), 'CONNECTION_LOST');
      await both.promise;
      cutConnections(service);
      expect((await lost).retryable).toBe(true);
      expect(await repeated).toEqual({ values: ['again repeated'] });
      expect(served).toEqual(['repeated', 'lost', 'repeated']);
    });

    test('an idempotent call that was unsubscribed from as the connection was lost is not sent again', async () => {
      const begun = deferred<void>();
      const stopped = deferred<void>();
      let runs = 0;
      const parts = scripted((data: string) => {
        if (data === 'plain') return NEVER;
        runs += 1;
        begun.resolve();
        return new Observable<never>(() => () => stopped.resolve());
      });
      const { client, service } = await builder.start(parts, {}, FOREVER);
      // The first to fail has the other unsubscribed from, while both are being told of the loss.
      const both = forkJoin([
        client.send('call', 'plain'),
        client.send('call', new N2NRecordBuilder('repeated').idempotent().setTimeout(0).build()),
      ]);
      const lost = n2nErrorOf(both, 'CONNECTION_LOST');
      await begun.promise;
      cutConnections(service);
      await Promise.all([lost, stopped.promise]);
      await lastValueFrom(client.send('echo', 1));
      expect(runs).toBe(1);
    });

    test('an idempotent call has one timeout, which all of its attempts share', async () => {
      const begun = [deferred<void>(), deferred<void>()];
      let runs = 0;
      const parts = scripted(() => {
        begun[runs]?.resolve();
        runs += 1;
        return NEVER;
      });
      const { client, service } = await builder.start(parts, {}, FOREVER);
      stopTheClock();
      let isOver = false;
      const record = new N2NRecordBuilder(1).idempotent().setTimeout(1000).build();
      const outcome = outcomeOf(client.send('call', record)).finally(() => (isOver = true));
      await begun[0]?.promise;
      vi.advanceTimersByTime(800);
      const leaving = new Promise((resolve) => client.on('reconnecting', resolve));
      cutConnections(service);
      await leaving;
      vi.advanceTimersByTime(1);
      await begun[1]?.promise;
      vi.advanceTimersByTime(198);
      await lastValueFrom(client.send('echo', 1));
      expect(isOver).toBe(false);
      vi.advanceTimersByTime(1);
      expect((await outcome).error).toMatchObject({ code: 'TIMEOUT' });
    });

    test('an idempotent call of which an answer came is not sent again', async () => {
      let served = 0;
      const parts = scripted(() => concat(of((served += 1)), NEVER));
      const { client, service } = await builder.start(parts, {}, FOREVER);
      const outcome = outcomeOf(client.send('call', idempotent(1)));
      await lastValueFrom(client.send('echo', 1));
      cutConnections(service);
      expect(await outcome).toMatchObject({ values: [1], error: { code: 'CONNECTION_LOST' } });
      expect(served).toBe(1);
    });

    test('an idempotent call whose payload is a stream is never sent again without it', async () => {
      const payloads: unknown[][] = [];
      const parts = scripted(async (data: AsyncIterable<unknown>) => {
        const payload: unknown[] = [];
        payloads.push(payload);
        for await (const value of data) {
          payload.push(value);
          if (payloads.length === 1 && payload.length === 3) cutConnections(started.service);
        }
        return payload.length;
      });
      const started = await builder.start(parts, {}, FOREVER);
      async function* payload(): AsyncGenerator<number> {
        for (let value = 0; value < 1000; value++) yield value;
      }
      const { values, error } = await outcomeOf(started.client.send('call', idempotent(payload())));
      // Whole, or not at all.
      if (error === undefined) expect(values).toEqual([1000]);
      else expect(error).toMatchObject({ code: 'CONNECTION_LOST' });
    });
  });

  describe(`from a service to its client, over ${builder.name}`, () => {
    proveNothingIsLeft();

    test('idempotent calls and acknowledged events fail when the client is gone', async () => {
      const begun = [deferred<void>(), deferred<void>()] as const;
      const service = await startService(NO_HANDLERS, { resumeWindow: 0 });
      const client = startClient(service.url, { transports: [builder.name], reconnect: false });
      const parts = scripted(
        () => {
          begun[0].resolve();
          return NEVER;
        },
        async () => {
          begun[1].resolve();
          await new Promise(() => {});
        },
      );
      await hostOver(client, parts);
      await client.connect();
      const [peer] = service.strategy.peers;
      if (peer === undefined) throw new Error('no peer');
      const call = n2nErrorOf(peer.send('call', idempotent(1)), 'CONNECTION_LOST');
      const event = n2nErrorOf(peer.emit('event', acknowledged(1)), 'CONNECTION_LOST');
      await Promise.all(begun.map(({ promise }) => promise));
      cutConnections(service);
      await Promise.all([call, event]);
    });
  });

  describe(`a service that closes and comes back, over ${builder.name}`, () => {
    proveNothingIsLeft();

    test('gets idempotent calls and acknowledged events again', async () => {
      const both = deferred<void>();
      let begun = 0;
      const endless = (): unknown => {
        if ((begun += 1) === 2) both.resolve();
        return NEVER;
      };
      const first = await startService(scripted(endless, endless), { drainTimeout: 0 });
      const client = startClient(first.url, { transports: [builder.name], ...FOREVER });
      const call = outcomeOf(client.send('call', idempotent('data')));
      const event = outcomeOf(client.emit('event', acknowledged('data')));
      await both.promise;
      await first.app.close();
      await startService(
        scripted(() => 'second'),
        { port: Number(new URL(first.url).port) },
      );
      expect(await call).toEqual({ values: ['second'] });
      expect(await event).toEqual({ values: [undefined] });
    });
  });

  describe(`a service in a process of its own, over ${builder.name}`, () => {
    proveNothingIsLeft();

    test('that is killed between receipt and handling gets the event again when it is back', async () => {
      const first = await startEventProcess(0, 'wait');
      const client = startClient(`http://${HOST}:${first.port}`, { transports: [builder.name], ...FOREVER });
      const outcome = outcomeOf(client.emit('event', acknowledged('once')));
      await first.until('received once');
      await first.kill();
      expect(first.told).toEqual(['received once']);
      const second = await startEventProcess(first.port, 'finish');
      expect(await outcome).toEqual({ values: [undefined] });
      await second.until('handled once');
      expect(second.told).toEqual(['received once', 'handled once']);
    });

    test.each([
      ['observable', 'unsubscribed'],
      ['generator', 'returned'],
    ])('stops its %s when the caller unsubscribes', async (pattern, told) => {
      const service = await startEventProcess(0, 'finish');
      const client = startClient(`http://${HOST}:${service.port}`, { transports: [builder.name] });
      for await (const value of client.stream(pattern, 1)) {
        expect(value).toBe('begun');
        break;
      }
      await service.until(told);
    });

    test('has its signal aborted when the caller unsubscribes, or closes', async () => {
      for (const how of ['unsubscribe', 'close']) {
        const service = await startEventProcess(0, 'finish');
        const options = { transports: [builder.name], drainTimeout: 0 };
        const client = startClient(`http://${HOST}:${service.port}`, options);
        const subscription = client.send('signal', 1).subscribe({ error: () => {} });
        await service.until('begun');
        if (how === 'close') void client.close();
        else subscription.unsubscribe();
        await service.until('aborted');
      }
    });
  });
}
