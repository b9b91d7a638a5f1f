import { NEVER, Observable, ReplaySubject, Subject, firstValueFrom, lastValueFrom, of } from 'rxjs';
import { describe, expect, test, vi } from 'vitest';
import { N2NRecordBuilder } from '../../../src/index.js';
import { stopTheClock } from '../../support/fake-time.js';
import { deferred, proveNothingIsLeft } from '../../support/harness.js';
import { asN2NError, n2nErrorOf, outcomeOf } from '../../support/outcome.js';
import { scripted } from '../../support/scripted.js';
import { WAYS } from '../../support/ways.js';

function within(timeout: number): N2NRecordBuilder<string> {
  return new N2NRecordBuilder('data').setTimeout(timeout);
}

// How long a call waits, and what its handler knows of it.
for (const way of WAYS) {
  describe(`timeouts of calls ${way.name}`, () => {
    proveNothingIsLeft();

    test.each([
      ['the default of the caller', 'data', 1000],
      ['the call itself, shorter', within(50).build(), 50],
      ['the call itself, longer', within(5000).build(), 5000],
    ])('are given by %s', async (_name, payload, timeout) => {
      const begun = deferred<void>();
      const parts = scripted(() => {
        begun.resolve();
        return NEVER;
      });
      const { caller } = await way.start(parts, { caller: { timeout: 1000 } });
      stopTheClock();
      let isOver = false;
      const outcome = outcomeOf(caller.send('call', payload)).finally(() => (isOver = true));
      await begun.promise;
      vi.advanceTimersByTime(timeout - 1);
      expect(await lastValueFrom(caller.send('echo', 1))).toBe(1);
      expect(isOver).toBe(false);
      vi.advanceTimersByTime(1);
      const error = asN2NError((await outcome).error, 'TIMEOUT');
      expect(error).toMatchObject({ retryable: true, details: { pattern: 'call', timeout } });
    });

    test('of 0 are none', async () => {
      const answer = new ReplaySubject<string>();
      const deadline = deferred<unknown>();
      const parts = scripted((_data, context) => {
        deadline.resolve(context.getDeadline());
        return answer;
      });
      const { caller } = await way.start(parts, { caller: { timeout: 1000 } });
      stopTheClock();
      const outcome = outcomeOf(caller.send('call', within(0).build()));
      expect(await deadline.promise).toBeUndefined();
      vi.advanceTimersByTime(10_000);
      answer.next('late');
      answer.complete();
      expect(await outcome).toEqual({ values: ['late'] });
    });

    test('begin anew with each value', async () => {
      const answers = new ReplaySubject<number>();
      const begun = deferred<void>();
      const parts = scripted(() => {
        begun.resolve();
        return answers;
      });
      const { caller } = await way.start(parts);
      stopTheClock();
      const values: number[] = [];
      let came = deferred<void>();
      const error = new Promise((resolve) =>
        caller.send<number>('call', within(1000).build()).subscribe({
          next: (value) => {
            values.push(value);
            came.resolve();
          },
          error: resolve,
        }),
      );
      await begun.promise;
      for (const value of [1, 2, 3]) {
        vi.advanceTimersByTime(900);
        came = deferred();
        answers.next(value);
        await came.promise;
      }
      vi.advanceTimersByTime(1000);
      asN2NError(await error, 'TIMEOUT');
      expect(values).toEqual([1, 2, 3]);
    });

    test('begin anew with each value of a payload that leaves, and the deadline with each that comes', async () => {
      const left: number[] = [];
      let came = deferred<void>();
      const parts = scripted(async (data: AsyncIterable<unknown>, context) => {
        came.resolve();
        for await (const _value of data) {
          left.push(Math.round((context.getDeadline() ?? 0) - Date.now()));
          came.resolve();
        }
      });
      const { caller } = await way.start(parts);
      stopTheClock();
      const payload = new Subject<number>();
      let isOver = false;
      const record = new N2NRecordBuilder(payload).setTimeout(1000).build();
      const outcome = outcomeOf(caller.send('call', record)).finally(() => (isOver = true));
      await came.promise;
      for (const value of [1, 2, 3]) {
        vi.advanceTimersByTime(900);
        came = deferred();
        payload.next(value);
        await came.promise;
      }
      vi.advanceTimersByTime(999);
      expect(await lastValueFrom(caller.send('echo', 1))).toBe(1);
      expect(isOver).toBe(false);
      vi.advanceTimersByTime(1);
      asN2NError((await outcome).error, 'TIMEOUT');
      expect(left).toEqual([1000, 1000, 1000]);
    });

    test('do not begin anew with values of a payload that wait, because nobody takes them', async () => {
      const begun = deferred<void>();
      const parts = scripted(() => {
        begun.resolve();
        return NEVER;
      });
      const { caller } = await way.start(parts);
      stopTheClock();
      const payload = new Subject<number>();
      const record = new N2NRecordBuilder(payload).setTimeout(1000).build();
      const outcome = outcomeOf(caller.send('call', record));
      // As many as leave without being taken.
      for (let value = 0; value < 256; value += 1) payload.next(value);
      await begun.promise;
      vi.advanceTimersByTime(900);
      payload.next(256);
      vi.advanceTimersByTime(100);
      asN2NError((await outcome).error, 'TIMEOUT');
    });

    test.each([-1, 1.5, NaN, Infinity, 2 ** 31])('of %s are refused', async (timeout) => {
      const { caller } = await way.start(scripted(() => 1));
      await n2nErrorOf(caller.send('call', within(timeout).build()), 'INVALID_OPTIONS');
    });
  });

  describe(`deadlines of calls ${way.name}`, () => {
    proveNothingIsLeft();

    test('reach the handler', async () => {
      const { caller } = await way.start(
        scripted((_data, context) => (context.getDeadline() ?? 0) - Date.now()),
        { caller: { timeout: 1000 } },
      );
      stopTheClock();
      expect(await lastValueFrom(caller.send('call', 1))).toBeCloseTo(1000, 3);
      expect(await lastValueFrom(caller.send('call', within(70).build()))).toBeCloseTo(70, 3);
    });

    test('are told as moments, which do not move while the handler works', async () => {
      const parts = scripted((_data, context) => {
        const first = context.getDeadline();
        vi.advanceTimersByTime(100);
        return (context.getDeadline() ?? 0) - (first ?? 0);
      });
      const { caller } = await way.start(parts);
      stopTheClock();
      expect(await lastValueFrom(caller.send('call', 1))).toBeCloseTo(0, 3);
    });

    test('pass on to the calls that the handler makes within its own', async () => {
      const inner = await way.start(scripted((_data, context) => (context.getDeadline() ?? 0) - Date.now()));
      const outer = await way.start(
        scripted((own: number, context) => {
          vi.advanceTimersByTime(300);
          const record = new N2NRecordBuilder('data').setTimeout(own).within(context).build();
          return inner.caller.send('call', record);
        }),
      );
      stopTheClock();
      const left = async (timeout: number, own: number): Promise<number> => {
        const record = new N2NRecordBuilder(own).setTimeout(timeout).build();
        return lastValueFrom(outer.caller.send<number>('call', record));
      };
      // The whole milliseconds of the shorter of the two.
      expect(Math.round(await left(1000, 5000))).toBe(700);
      expect(Math.round(await left(1000, 0))).toBe(700);
      expect(Math.round(await left(1000, 400))).toBe(400);
      expect(Math.round(await left(0, 400))).toBe(400);
    });

    test('leave nothing for a call that is made after them', async () => {
      const served: unknown[] = [];
      const inner = await way.start(scripted((data) => served.push(data)));
      const outcome = deferred<unknown>();
      const outer = await way.start(
        scripted((_data, context) => {
          vi.advanceTimersByTime(300);
          const record = new N2NRecordBuilder('data').within(context).build();
          return new Observable(() => {
            void outcomeOf(inner.caller.send('call', record)).then(outcome.resolve);
          });
        }),
      );
      stopTheClock();
      await n2nErrorOf(outer.caller.send('call', within(200).build()), 'TIMEOUT');
      expect(await outcome.promise).toEqual({
        values: [],
        error: expect.objectContaining({ code: 'TIMEOUT' }) as unknown,
      });
      expect(await lastValueFrom(inner.caller.send('echo', 1))).toBe(1);
      expect(served).toEqual([]);
    });

    test('move on while a stream lives, whose calls within it still have time', async () => {
      const inner = await way.start(scripted(() => 'inner'));
      const steps = new Subject<number>();
      const begun = deferred<void>();
      const outer = await way.start(
        scripted(async function* scriptedStream(_data, context) {
          yield 'first';
          begun.resolve();
          await firstValueFrom(steps);
          yield 'second';
          await firstValueFrom(steps);
          yield await lastValueFrom(
            inner.caller.send('call', new N2NRecordBuilder('data').within(context).build()),
          );
        }),
      );
      stopTheClock();
      const values: unknown[] = [];
      let came = deferred<void>();
      const ended = new Promise((resolve) =>
        outer.caller.send('call', within(1000).build()).subscribe({
          next: (value) => {
            values.push(value);
            came.resolve();
          },
          error: resolve,
          complete: () => resolve('complete'),
        }),
      );
      await begun.promise;
      vi.advanceTimersByTime(900);
      came = deferred();
      steps.next(1);
      await came.promise;
      vi.advanceTimersByTime(900);
      steps.next(2);
      expect([await ended, values]).toEqual(['complete', ['first', 'second', 'inner']]);
    });
  });

  describe(`calls that wait to be served, ${way.name}`, () => {
    proveNothingIsLeft();

    test('are not begun once their time has passed', async () => {
      const served: string[] = [];
      const release = new Subject<void>();
      const begun = deferred<void>();
      const parts = scripted((data: string) => {
        served.push(data);
        begun.resolve();
        return data === 'first' ? firstValueFrom(release).then(() => data) : of(data);
      });
      const { caller } = await way.start(parts, { host: { maxInFlight: 1 } });
      stopTheClock();
      const call = (name: string, timeout: number): Promise<unknown> =>
        outcomeOf(caller.send('call', new N2NRecordBuilder(name).setTimeout(timeout).build()));
      const first = call('first', 1000);
      await begun.promise;
      const expired = call('expired', 100);
      const third = call('third', 1000);
      // 64 may wait for the one that is served: the refusal of one more tells that the others have come.
      const more = Array.from({ length: 63 }, () => call('more', 1000));
      expect(await more.at(-1)).toMatchObject({ error: { code: 'OVERLOADED' } });
      vi.advanceTimersByTime(100);
      expect(await expired).toMatchObject({ error: { code: 'TIMEOUT' } });
      release.next(undefined);
      expect([await first, await third]).toEqual([{ values: ['first'] }, { values: ['third'] }]);
      await Promise.all(more);
      expect(served.filter((name) => name !== 'more')).toEqual(['first', 'third']);
    });
  });
}
