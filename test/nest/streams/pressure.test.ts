import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { NEVER, Observable, concat, forkJoin, from, lastValueFrom, map, of, range } from 'rxjs';
import { describe, expect, test, vi } from 'vitest';
import { N2NRecordBuilder } from '../../../src/index.js';
import { MAX_QUEUED_BYTES } from '../../../src/limits.js';
import { stopTheClock } from '../../support/fake-time.js';
import { deferred, proveNothingIsLeft, turn } from '../../support/harness.js';
import { watchWhatIsKept } from '../../support/kept.js';
import { n2nErrorOf, outcomeOf } from '../../support/outcome.js';
import { scripted } from '../../support/scripted.js';
import { WAYS, type Ends } from '../../support/ways.js';

/** The items of a stream that may be under way: see docs/wire-protocol.md. One more is in the generator's hand. */
const MOST_AHEAD = 256 + 1;
const MIB = 1024 * 1024;

@Injectable()
class Passing implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle();
  }
}

/** Long enough for everything that may be sent to have been sent: the answers of calls made after it are back. */
async function settled({ caller }: Ends): Promise<void> {
  for (let call = 0; call < 5; call++) await lastValueFrom(caller.send('echo', call));
}

// Who is slow holds back who is fast, where that can be, and memory has bounds where it cannot.
for (const way of WAYS) {
  describe(`stream(), ${way.name}`, () => {
    proveNothingIsLeft();

    test('makes no call until a value is asked for', async () => {
      let calls = 0;
      const ends = await way.start(scripted(() => of((calls += 1))));
      const stream = ends.caller.stream('call', 1);
      await settled(ends);
      expect(calls).toBe(0);
      expect(await stream.next()).toEqual({ done: false, value: 1 });
      const unused = ends.caller.stream('call', 1);
      expect(await unused.return?.()).toEqual({ done: true, value: undefined });
      expect(await unused.next()).toEqual({ done: true, value: undefined });
      await settled(ends);
      expect(calls).toBe(1);
    });

    test.each([
      ['a handler', []],
      ['a handler behind an interceptor', [{ provide: APP_INTERCEPTOR, useClass: Passing }]],
    ])(
      'a slow consumer holds back the generator of %s; leaving runs its finally',
      async (_name, providers) => {
        let produced = 0;
        const returned = deferred<void>();
        const parts = scripted(async function* endless() {
          try {
            for (;;) yield produced++;
          } finally {
            returned.resolve();
          }
        });
        const ends = await way.start({ ...parts, providers });
        const nothingIsKept = watchWhatIsKept(ends);
        let taken = 0;
        for await (const value of ends.caller.stream<number>('call', 1)) {
          expect(value).toBe(taken++);
          if (taken % 100 === 1) await settled(ends);
          expect(produced - taken).toBeLessThanOrEqual(MOST_AHEAD);
          if (taken === 1001) break;
        }
        await returned.promise;
        await nothingIsKept();
        expect(produced - taken).toBeLessThanOrEqual(MOST_AHEAD);
      },
    );

    test('of large values, what is ahead is bounded in bytes', async () => {
      const size = 100_000;
      let produced = 0;
      const ends = await way.start(
        scripted(async function* endless() {
          for (;;) {
            produced += 1;
            yield Buffer.alloc(size);
          }
        }),
      );
      let taken = 0;
      for await (const value of ends.caller.stream<Buffer>('call', 1)) {
        expect(value.length).toBe(size);
        taken += 1;
        await settled(ends);
        // One may begin with the last byte of the credit, and one is in hand.
        expect((produced - taken) * size).toBeLessThanOrEqual(MIB + 2 * size);
        if (taken === 40) break;
      }
    });

    test('a consumer that takes longer than the timeout for what it has costs it nothing', async () => {
      const count = 600;
      const ends = await way.start(
        scripted(async function* numbers() {
          for (let value = 0; value < count; value++) yield value;
        }),
      );
      stopTheClock();
      const record = new N2NRecordBuilder(1).setTimeout(100).build();
      let taken = 0;
      for await (const _value of ends.caller.stream('call', record)) {
        taken += 1;
        // A tenth of the timeout for each value.
        vi.advanceTimersByTime(10);
        if (taken % 10 === 0) await settled(ends);
      }
      expect(taken).toBe(count);
    });

    test('a handler that takes longer than the timeout for what it has costs its caller nothing', async () => {
      const count = 600;
      const ends: Ends = await way.start(
        scripted(async (values: AsyncIterable<number>) => {
          let taken = 0;
          for await (const _value of values) {
            taken += 1;
            vi.advanceTimersByTime(10);
            if (taken % 10 === 0) await settled(ends);
          }
          return taken;
        }),
      );
      const numbers = async function* numbers(): AsyncGenerator<number> {
        for (let value = 0; value < count; value++) yield value;
      };
      stopTheClock();
      const record = new N2NRecordBuilder(numbers()).setTimeout(1000).build();
      expect(await lastValueFrom(ends.caller.send('call', record))).toBe(count);
    });

    test('takers that ask ahead get their values in order, and the end', async () => {
      const ends = await way.start(scripted(() => from(['a', 'b'])));
      const stream = ends.caller.stream('call', 1);
      expect(await Promise.all([stream.next(), stream.next(), stream.next(), stream.next()])).toEqual([
        { done: false, value: 'a' },
        { done: false, value: 'b' },
        { done: true, value: undefined },
        { done: true, value: undefined },
      ]);
    });
  });

  describe(`Observables that are faster than their caller, ${way.name}`, () => {
    proveNothingIsLeft();

    test('wait within the bound, and come whole', async () => {
      const ends = await way.start(scripted(() => range(0, 200_000)));
      let taken = 0;
      for await (const value of ends.caller.stream('call', 1)) {
        if (taken === 0) await settled(ends);
        if (value === taken) taken += 1;
      }
      expect(taken).toBe(200_000);
    });

    test.each([
      ['small', 32 * 1024],
      ['in fragments', 1_000_000],
    ])('fail past it with OVERLOADED (values that are %s), and are stopped', async (_name, size) => {
      let emitted = 0;
      const stopped = deferred<void>();
      const parts = scripted(
        () =>
          new Observable((subscriber) => {
            const emit = (): void => {
              if (subscriber.closed) return;
              emitted += size;
              subscriber.next(Buffer.alloc(size));
              setImmediate(emit);
            };
            emit();
            return () => stopped.resolve();
          }),
      );
      const ends = await way.start(parts);
      const nothingIsKept = watchWhatIsKept(ends);
      const stream = ends.caller.stream('call', 1);
      await stream.next();
      await stopped.promise;
      expect(emitted).toBeGreaterThan(MAX_QUEUED_BYTES);
      expect(emitted).toBeLessThan(MAX_QUEUED_BYTES + 4 * MIB);
      const rest = async (): Promise<unknown> => {
        for (;;) if ((await stream.next()).done === true) return 'ended';
      };
      await expect(rest()).rejects.toMatchObject({ code: 'OVERLOADED' });
      expect(await lastValueFrom(ends.caller.send('echo', 'still there'))).toBe('still there');
      await nothingIsKept();
    });

    test('as payloads fail the call with OVERLOADED', async () => {
      const size = 32 * 1024;
      const ends = await way.start(scripted(() => NEVER));
      const nothingIsKept = watchWhatIsKept(ends);
      const count = MAX_QUEUED_BYTES / size + 100;
      const payload = concat(range(0, count).pipe(map(() => Buffer.alloc(size))), NEVER);
      await n2nErrorOf(ends.caller.send('call', payload), 'OVERLOADED');
      expect(await lastValueFrom(ends.caller.send('echo', 'still there'))).toBe('still there');
      await nothingIsKept();
    });
  });

  describe(`large and small, ${way.name}`, () => {
    proveNothingIsLeft();

    test.each(['of the call', 'of the answer', 'of a value of a stream'])(
      'a small call ends before a large payload %s that began earlier',
      async (which) => {
        const large = Buffer.alloc(4 * MIB - 100);
        const parts = scripted((data: string | Buffer) => {
          if (typeof data !== 'string') return data.length;
          return data === 'of the answer' ? large : concat(of(large), of('last'));
        });
        const ends = await way.start(parts);
        const order: string[] = [];
        const first = outcomeOf(ends.caller.send('call', which === 'of the call' ? large : which)).then(() =>
          order.push('large'),
        );
        await Promise.resolve();
        const small = Array.from({ length: 5 }, (_, index) =>
          outcomeOf(ends.caller.send('echo', index)).then(() => order.push('small')),
        );
        await Promise.all([first, ...small]);
        expect(order).toEqual(['small', 'small', 'small', 'small', 'small', 'large']);
      },
    );

    test('very many answers at once, each as long as one frame takes, are all given', async () => {
      const answer = 'x'.repeat(60_000);
      const release = deferred<void>();
      const ends = await way.start(scripted(() => release.promise.then(() => answer)));
      const calls = Array.from({ length: 500 }, () => lastValueFrom(ends.caller.send<string>('call', 1)));
      await settled(ends);
      release.resolve();
      expect((await Promise.all(calls)).every((given) => given === answer)).toBe(true);
    });

    test('a burst of calls that is refused costs no other call', async () => {
      const release = deferred<string>();
      const ends = await way.start(
        scripted((data: string) => (data === 'slow' ? release.promise : data.length)),
      );
      const other = lastValueFrom(ends.caller.send('call', 'slow'));
      await settled(ends);
      const text = 'x'.repeat(60_000);
      const burst = Array.from({ length: 600 }, () => ends.caller.send('call', text));
      expect((await outcomeOf(forkJoin(burst))).error).toMatchObject({ code: 'OVERLOADED' });
      release.resolve('fine');
      expect(await other).toBe('fine');
    });

    test('as much at once in both directions as each side may send unacknowledged, and more, comes through', async () => {
      const text = 'x'.repeat(60_000);
      const ends = await way.start(scripted(() => text));
      const calls = Array.from({ length: 250 }, () => lastValueFrom(ends.caller.send('call', text)));
      expect((await Promise.all(calls)).every((given) => given === text)).toBe(true);
    });

    test('a stream that fails in the middle of a large value costs no other call', async () => {
      const parts = scripted(
        () =>
          new Observable((subscriber) => {
            subscriber.next(Buffer.alloc(3 * MIB));
            // A part of it is on its way by then, and waits for credit.
            setImmediate(() => subscriber.next(1n));
          }),
      );
      const ends = await way.start(parts);
      const other = outcomeOf(ends.caller.send('call', 1));
      await n2nErrorOf(ends.caller.send('call', 1), 'NOT_SERIALIZABLE');
      expect((await other).error).toMatchObject({ code: 'NOT_SERIALIZABLE' });
      expect(await lastValueFrom(ends.caller.send('echo', 1))).toBe(1);
    });

    test('a call that is cancelled in the middle of its large payload costs no other', async () => {
      const ends = await way.start(scripted((data: Buffer) => data.length));
      const nothingIsKept = watchWhatIsKept(ends);
      for (const turns of [0, 1, 2, 3]) {
        const subscription = ends.caller.send('call', Buffer.alloc(3 * MIB)).subscribe();
        for (let count = 0; count < turns; count++) await turn();
        subscription.unsubscribe();
        expect(await lastValueFrom(ends.caller.send('echo', turns))).toBe(turns);
      }
      await nothingIsKept();
    });
  });
}
