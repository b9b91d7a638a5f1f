import { Readable } from 'node:stream';
import { firstValueFrom, lastValueFrom, Observable, of, NEVER, concat } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { N2NRecordBuilder, type N2NContext, type UserCodec } from '../../src/index.js';
import { deferred, proveNothingIsLeft, turn } from '../support/harness.js';
import { watchWhatIsKept } from '../support/kept.js';
import { n2nErrorOf, outcomeOf, type Outcome } from '../support/outcome.js';
import { proveTheProcessLives } from '../support/process-errors.js';
import { scripted } from '../support/scripted.js';
import type { Way } from '../support/ways.js';

function broken(what: string): never {
  throw new RangeError(`${what} is broken`);
}

const MASKED = { status: 'error', message: 'Internal server error' };

/** Two values, and no end; `return` is broken in one of the ways in which it can be. */
function iterable(give: () => unknown): AsyncIterable<number> {
  let count = 0;
  return {
    [Symbol.asyncIterator]: () => ({
      next: async () => ({ done: false, value: (count += 1) }),
      return: give as () => Promise<IteratorResult<number>>,
    }),
  };
}

const RETURNS: readonly [string, () => unknown][] = [
  ['throws', () => broken('return')],
  ['rejects', async () => broken('return')],
  ['gives nothing', () => undefined],
];

/** What is broken in an Observable, and what its subscriber gets all the same. */
const TEARDOWNS: readonly [string, () => Observable<number>, [answer: Outcome, payload: Outcome]][] = [
  [
    'of one that has ended at once',
    () =>
      new Observable((subscriber) => {
        subscriber.next(1);
        subscriber.complete();
        return () => broken('teardown');
      }),
    [{ values: [1] }, { values: [1] }],
  ],
  [
    'of one that has failed at once',
    () =>
      new Observable((subscriber) => {
        subscriber.error(new RangeError('it failed'));
        return () => broken('teardown');
      }),
    [
      { values: [], error: MASKED },
      { values: [], error: new RangeError('it failed') },
    ],
  ],
];

/** A handler that gives what it is told to, and notes what comes to its end. */
export function describeUserCodeOfCalls(way: Way): void {
  describe(`code of users around a call, ${way.name}`, () => {
    proveNothingIsLeft();
    proveTheProcessLives();

    test.each(RETURNS)('an iterator whose return %s, as the answer', async (how, give) => {
      const ends = await way.start(scripted(() => iterable(give)));
      const nothingIsKept = watchWhatIsKept(ends);
      expect(await firstValueFrom(ends.caller.send('call', 1))).toBe(1);
      expect(await lastValueFrom(ends.caller.send('echo', 1))).toBe(1);
      await nothingIsKept();
      if (how !== 'gives nothing') expect(await ends.log.line(/return is broken/)).toMatch(/^error/);
    });

    test.each(RETURNS)(
      'an iterator whose return %s, among the values of an Observable',
      async (how, give) => {
        const ends = await way.start(scripted(() => concat(of(iterable(give)), NEVER)));
        const nothingIsKept = watchWhatIsKept(ends);
        expect(await firstValueFrom(ends.caller.send('call', 1))).toBe(1);
        expect(await lastValueFrom(ends.caller.send('echo', 1))).toBe(1);
        await nothingIsKept();
        if (how !== 'gives nothing') expect(await ends.log.line(/return is broken/)).toMatch(/^error/);
      },
    );

    test.each(RETURNS)('an iterator whose return %s, as the payload', async (_how, give) => {
      const ends = await way.start(
        scripted(async (data: AsyncIterable<number>) => {
          for await (const value of data) return value;
          return 0;
        }),
      );
      const nothingIsKept = watchWhatIsKept(ends);
      expect(await lastValueFrom(ends.caller.send('call', iterable(give)))).toBe(1);
      expect(await lastValueFrom(ends.caller.send('echo', 1))).toBe(1);
      await nothingIsKept();
    });

    test('an iterable that cannot begin', async () => {
      const values = { [Symbol.asyncIterator]: () => broken('iterable') };
      const ends = await way.start(scripted(() => values));
      expect((await outcomeOf(ends.caller.send('call', 1))).error).toEqual(MASKED);
      expect(await ends.log.line(/iterable is broken/)).toMatch(/^error/);
      const { error } = await outcomeOf(ends.caller.send('call', values));
      expect(error).toEqual(new RangeError('iterable is broken'));
      const among = await way.start(scripted(() => of(values)));
      expect((await outcomeOf(among.caller.send('call', 1))).error).toEqual(MASKED);
    });

    test.each(TEARDOWNS)('a teardown that throws, %s', async (_name, make, expected) => {
      const ends = await way.start(
        scripted(async (data: AsyncIterable<number> | number) => {
          if (typeof data === 'number') return make();
          let last = 0;
          for await (const value of data) last = value;
          return last;
        }),
      );
      const nothingIsKept = watchWhatIsKept(ends);
      const outcomes = [1, make()].map((payload) => outcomeOf(ends.caller.send('call', payload)));
      expect(await Promise.all(outcomes)).toEqual(expected);
      expect(await lastValueFrom(ends.caller.send('echo', 1))).toBe(1);
      await nothingIsKept();
    });

    test('a teardown that throws when the call is cancelled', async () => {
      const begun = deferred<void>();
      const endless = new Observable<number>((subscriber) => {
        subscriber.next(1);
        return () => broken('teardown');
      });
      const ends = await way.start(
        scripted(async (data: AsyncIterable<number> | number) => {
          if (typeof data === 'number') return endless;
          for await (const value of data) return value;
          return 0;
        }),
      );
      const nothingIsKept = watchWhatIsKept(ends);
      expect(await firstValueFrom(ends.caller.send('call', 1))).toBe(1);
      expect(await ends.log.line(/teardown is broken/)).toMatch(/^error/);
      // Here the handler wants no more of the payload, and here the caller.
      expect(await lastValueFrom(ends.caller.send('call', endless))).toBe(1);
      const subscription = ends.caller.send('call', concat(endless, NEVER)).subscribe(() => begun.resolve());
      await begun.promise;
      subscription.unsubscribe();
      expect(await lastValueFrom(ends.caller.send('echo', 1))).toBe(1);
      await nothingIsKept();
    });

    test.each<[string, () => unknown]>([
      ['throws', () => broken('listener')],
      ['rejects', async () => broken('listener')],
    ])('a listener of the signal of a call that %s', async (_how, listener) => {
      const aborted = deferred<void>();
      const begun = deferred<void>();
      const ends = await way.start(
        scripted((_data, context: N2NContext) => {
          const signal = context.getSignal();
          const removed = (): never => broken('a listener that was removed');
          signal.addEventListener('abort', removed);
          signal.removeEventListener('abort', removed);
          signal.addEventListener('abort', listener, { once: true });
          signal.addEventListener('abort', { handleEvent: listener });
          // oxlint-disable-next-line unicorn/prefer-add-event-listener -- it is one of the ways to listen
          signal.onabort = listener;
          signal.addEventListener('abort', () => aborted.resolve());
          begun.resolve();
          return NEVER;
        }),
      );
      const subscription = ends.caller.send('call', 1).subscribe();
      await begun.promise;
      subscription.unsubscribe();
      await aborted.promise;
      expect(await ends.log.line(/listener is broken/)).toMatch(/^error/);
      expect(await lastValueFrom(ends.caller.send('echo', 1))).toBe(1);
      for (let turns = 0; turns < 5; turns += 1) await turn();
      expect(ends.log.lines.filter((line) => line.includes('listener is broken'))).toHaveLength(3);
    });

    test.each<[string, () => unknown]>([
      ['throws', () => broken('hook')],
      ['rejects', async () => broken('hook')],
    ])('hooks of the processing of a call that %s', async (_how, hook) => {
      const ends = await way.start(scripted(() => 1));
      ends.strategy.setOnProcessingEndHook(hook);
      await outcomeOf(ends.caller.send('call', 1));
      expect(await ends.log.line(/hook is broken/)).toMatch(/^error/);
      ends.strategy.setOnProcessingStartHook(hook);
      expect((await outcomeOf(ends.caller.send('call', 1))).error).toEqual(MASKED);
      await outcomeOf(ends.caller.emit('event', 1));
    });

    test('codecs that give a promise', async () => {
      const late: UserCodec = {
        name: 'late',
        encode: (value) => {
          const text = JSON.stringify(value);
          if (text === '"late"')
            return Promise.reject(new RangeError('encode is broken')) as unknown as Uint8Array;
          return Buffer.from(text);
        },
        decode: (bytes) => {
          const text = Buffer.from(bytes).toString();
          return text === '"unreadable"'
            ? Promise.reject(new RangeError('decode is broken'))
            : JSON.parse(text);
        },
      };
      const ends = await way.start(
        scripted((data: string) => (data === 'answer late' ? 'late' : 'unreadable')),
        { both: { codec: late } },
      );
      const { caller } = ends;
      expect((await n2nErrorOf(caller.send('call', 'late'), 'NOT_SERIALIZABLE')).message).toMatch(/at once/);
      expect((await n2nErrorOf(caller.send('call', 'answer late'), 'NOT_SERIALIZABLE')).message).toMatch(
        /at once/,
      );
      expect((await n2nErrorOf(caller.send('call', 'x'), 'PROTOCOL_ERROR')).message).toMatch(/at once/);
      expect((await n2nErrorOf(caller.send('call', 'unreadable'), 'PROTOCOL_ERROR')).message).toMatch(
        /at once/,
      );
      expect(await lastValueFrom(caller.send('echo', 1))).toBe(1);
    });

    test('a Readable that fails before anybody reads it', async () => {
      const ends = await way.start(scripted(() => 1));
      const failing = new Readable({ read: () => {} });
      const record = new N2NRecordBuilder(failing).build();
      const outcome = outcomeOf(ends.caller.send('call', record));
      failing.destroy(new RangeError('stream is broken'));
      const { error } = await outcome;
      expect(String(error)).toContain('stream is broken');
      expect(await lastValueFrom(ends.caller.send('echo', 1))).toBe(1);
    });
  });
}
