import { PassThrough, Readable } from 'node:stream';
import { NEVER, Observable, concat, from, lastValueFrom, of, range, throwError } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { N2NRecordBuilder } from '../../../src/index.js';
import { deferred, proveNothingIsLeft, turn } from '../../support/harness.js';
import { watchWhatIsKept } from '../../support/kept.js';
import { n2nErrorOf, outcomeOf } from '../../support/outcome.js';
import { scripted, type Handle } from '../../support/scripted.js';
import { SHAPES } from '../../support/stream-shapes.js';
import { WAYS } from '../../support/ways.js';

async function collect(data: AsyncIterable<unknown>): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const value of data) values.push(value);
  return values;
}

async function* numbers(count: number): AsyncGenerator<number> {
  for (let value = 0; value < count; value += 1) yield value;
}

// Streams that a caller sends to a handler.
for (const way of WAYS) {
  describe(`payloads that are streams, ${way.name}`, () => {
    proveNothingIsLeft();

    test.each(Object.keys(SHAPES).filter((shape) => !shape.includes('promise')))(
      '%s reaches the handler whole',
      async (shape) => {
        const ends = await way.start(scripted(collect));
        const nothingIsKept = watchWhatIsKept(ends);
        const values = [1, 'two', { three: [3] }, Buffer.from('four'), '', 0, false];
        expect(await lastValueFrom(ends.caller.send('call', SHAPES[shape]?.(values)))).toEqual(values);
        expect(await lastValueFrom(ends.caller.send('call', SHAPES[shape]?.([])))).toEqual([]);
        await nothingIsKept();
      },
    );

    test('with headers, in a record', async () => {
      const ends = await way.start(
        scripted(async (data: AsyncIterable<unknown>, context) => [
          context.getHeaders(),
          await collect(data),
        ]),
      );
      const record = new N2NRecordBuilder(from([1, 2])).setHeaders({ a: 'b' }).build();
      expect(await lastValueFrom(ends.caller.send('call', record))).toEqual([{ a: 'b' }, [1, 2]]);
    });

    test.each(['Observable', 'generator'])('100 000 values of an %s, in order', async (shape) => {
      const count = 100_000;
      const ends = await way.start(
        scripted(async (data: AsyncIterable<number>) => {
          let next = 0;
          for await (const value of data) if (value === next) next += 1;
          return next;
        }),
      );
      const nothingIsKept = watchWhatIsKept(ends);
      const payload = shape === 'generator' ? numbers(count) : range(0, count);
      expect(await lastValueFrom(ends.caller.send('call', payload))).toBe(count);
      await nothingIsKept();
    });

    test('values of several MiB', async () => {
      const ends = await way.start(
        scripted(async (data: AsyncIterable<Buffer>) =>
          (await collect(data)).map((value) => [(value as Buffer).length, (value as Buffer).at(-1)]),
        ),
      );
      const nothingIsKept = watchWhatIsKept(ends);
      const sizes = [3_000_000, 5, 100_000, 2_000_000];
      const payload = Readable.from(sizes.map((size, index) => Buffer.alloc(size, index + 1)));
      expect(await lastValueFrom(ends.caller.send('call', payload))).toEqual(
        sizes.map((size, index) => [size, index + 1]),
      );
      await nothingIsKept();
    });

    test('there and back at once', async () => {
      const ends = await way.start(
        scripted(async function* doubled(data: AsyncIterable<number>) {
          for await (const value of data) yield value * 2;
        }),
      );
      const values: unknown[] = [];
      for await (const value of ends.caller.stream('call', numbers(2000))) values.push(value);
      expect(values).toEqual(Array.from({ length: 2000 }, (_, index) => index * 2));
    });

    test('an error of the payload comes to the caller as it is; the handler is stopped', async () => {
      const seen: unknown[] = [];
      const failed = deferred<unknown>();
      const ends = await way.start(
        scripted(async (data: AsyncIterable<number>) => {
          try {
            for await (const value of data) seen.push(value);
            failed.resolve('complete');
          } catch (error) {
            failed.resolve(error);
          }
        }),
      );
      const nothingIsKept = watchWhatIsKept(ends);
      const fault = new Error('the payload failed');
      const payload = concat(
        of(1, 2),
        throwError(() => fault),
      );
      expect((await outcomeOf(ends.caller.send('call', payload))).error).toBe(fault);
      expect(await failed.promise).toMatchObject({ code: 'CANCELLED' });
      await nothingIsKept();
    });

    test('a value that cannot be encoded fails the call', async () => {
      const ends = await way.start(scripted(collect));
      const nothingIsKept = watchWhatIsKept(ends);
      await n2nErrorOf(ends.caller.send('call', of(1, 2n)), 'NOT_SERIALIZABLE');
      expect(await lastValueFrom(ends.caller.send('echo', 1))).toBe(1);
      await nothingIsKept();
    });

    test('a handler that answers early stops them: Observable and generator', async () => {
      const ends = await way.start(
        scripted(async (data: AsyncIterable<unknown>) => {
          for await (const value of data) return value;
          return undefined;
        }),
      );
      const nothingIsKept = watchWhatIsKept(ends);
      const unsubscribed = deferred<void>();
      const endless = new Observable((subscriber) => {
        subscriber.next('first');
        return () => unsubscribed.resolve();
      });
      expect(await lastValueFrom(ends.caller.send('call', endless))).toBe('first');
      await unsubscribed.promise;
      const returned = deferred<void>();
      async function* generator(): AsyncGenerator {
        try {
          for (;;) {
            yield 'again';
            await turn();
          }
        } finally {
          returned.resolve();
        }
      }
      expect(await lastValueFrom(ends.caller.send('call', generator()))).toBe('again');
      await returned.promise;
      await nothingIsKept();
    });

    test.each<[string, Handle, string]>([
      [
        'answers early',
        async (data: AsyncIterable<unknown>) => {
          for await (const value of data) return value;
          return undefined;
        },
        'call',
      ],
      ['fails', () => Promise.reject(new Error('expected')), 'call'],
      ['is not there', () => 1, 'nobody'],
    ])(
      'where the handler %s, a stream that has nothing to give is destroyed',
      async (_name, handle, pattern) => {
        const ends = await way.start(scripted(handle));
        const nothingIsKept = watchWhatIsKept(ends);
        const payload = new PassThrough({ objectMode: true });
        const closed = new Promise((resolve) => payload.once('close', resolve));
        payload.write('first');
        await outcomeOf(ends.caller.send(pattern, payload));
        await closed;
        await nothingIsKept();
      },
    );

    test('unsubscribing from the call stops the payload', async () => {
      const begun = deferred<void>();
      const ends = await way.start(
        scripted((data: AsyncIterable<unknown>) => {
          void data[Symbol.asyncIterator]()
            .next()
            .then(() => begun.resolve());
          return NEVER;
        }),
      );
      const nothingIsKept = watchWhatIsKept(ends);
      const unsubscribed = deferred<void>();
      const endless = new Observable((subscriber) => {
        subscriber.next(1);
        return () => unsubscribed.resolve();
      });
      const subscription = ends.caller.send('call', endless).subscribe();
      await begun.promise;
      subscription.unsubscribe();
      await unsubscribed.promise;
      await nothingIsKept();
    });

    test('a slow handler holds back the generator', async () => {
      let produced = 0;
      async function* endless(): AsyncGenerator<number> {
        for (;;) yield produced++;
      }
      const ends = await way.start(
        scripted(async (data: AsyncIterable<number>) => {
          let taken = 0;
          for await (const value of data) {
            taken += 1;
            for (let turns = 0; turns < 3; turns += 1) await turn();
            // 256 under way, and one in hand.
            if (value !== taken - 1 || produced - taken > 257 || taken === 1000)
              return [taken, produced - taken];
          }
          return 'ended';
        }),
      );
      const [taken, ahead] = await lastValueFrom(ends.caller.send<[number, number]>('call', endless()));
      expect(taken).toBe(1000);
      expect(ahead).toBeLessThanOrEqual(257);
    });

    test('of events are refused: nobody could tell when they end', async () => {
      const ends = await way.start(scripted(() => 1));
      await n2nErrorOf(ends.caller.emit('event', of(1)), 'NOT_SERIALIZABLE');
    });
  });
}
