import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { NEVER, Observable, lastValueFrom, merge, of } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { N2NRecordBuilder, type N2NContext } from '../../../src/index.js';
import { deferred, proveNothingIsLeft, turn, type Deferred } from '../../support/harness.js';
import { watchWhatIsKept } from '../../support/kept.js';
import { n2nErrorOf, outcomeOf } from '../../support/outcome.js';
import { scripted, type Handle } from '../../support/scripted.js';
import { WAYS, cutConnections, type Ends } from '../../support/ways.js';

/** What happens in a handler. */
interface Marks {
  readonly begun: Deferred<void>;
  readonly stopped: Deferred<void>;
}

/** A stream that gives one value, and then none for ever. */
function idle({ begun, stopped }: Marks): Readable {
  let reads = 0;
  return new Readable({
    objectMode: true,
    read() {
      if (reads++ === 0) this.push('first');
      else begun.resolve();
    },
    destroy(error, callback) {
      stopped.resolve();
      callback(error);
    },
  });
}

/** Handlers without an end of their own, each stopped in its own way. */
const ENDLESS: Record<string, (marks: Marks) => Handle> = {
  'its Observable is unsubscribed':
    ({ begun, stopped }) =>
    () =>
      new Observable<never>(() => {
        begun.resolve();
        return () => stopped.resolve();
      }),
  "its generator's finally is run": ({ begun, stopped }) =>
    async function* endless() {
      try {
        for (;;) {
          yield 1;
          begun.resolve();
          await turn();
        }
      } finally {
        stopped.resolve();
      }
    },
  'its async iterable is returned':
    ({ begun, stopped }) =>
    () => ({
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          begun.resolve();
          await turn();
          return { done: false, value: 1 };
        },
        return: async () => {
          stopped.resolve();
          return { done: true, value: undefined };
        },
      }),
    }),
  'its stream is destroyed': (marks) => () => idle(marks),
  'its stream behind an Observable is destroyed': (marks) => () => merge(of(idle(marks)), NEVER),
  'its signal is aborted':
    ({ begun, stopped }) =>
    (_data: never, context: N2NContext) => {
      const signal = context.getSignal();
      begun.resolve();
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          stopped.resolve();
          resolve('stopped');
        });
      });
    },
};

/** What makes a caller want no more: @returns what its subscriber is told, if anything */
const CAUSES: Record<string, (ends: Ends, unsubscribe: () => void) => Promise<string[]>> = {
  'the caller unsubscribes': async (_ends, unsubscribe) => {
    unsubscribe();
    return [];
  },
  'the connection is lost': async ({ service }) => {
    cutConnections(service);
    return ['CONNECTION_LOST'];
  },
  'the caller closes': async ({ closeCaller }) => {
    await closeCaller();
    return ['CLOSED', 'CONNECTION_LOST'];
  },
  "the handler's side closes": async ({ closeHost }) => {
    await closeHost();
    return ['CLOSED', 'CONNECTION_LOST'];
  },
};

/** A lost connection ends what goes over it, and closing waits for nothing. */
const AT_ONCE = { both: { resumeWindow: 0, drainTimeout: 0 } };

// However a caller goes, its handler hears of it, and nobody keeps anything of the call.
for (const way of WAYS) {
  describe(`calls that are stopped, ${way.name}`, () => {
    proveNothingIsLeft();

    for (const [cause, act] of Object.entries(CAUSES)) {
      test.each(Object.keys(ENDLESS))(`when ${cause}: %s, and nothing is kept`, async (kind) => {
        const marks = { begun: deferred<void>(), stopped: deferred<void>() };
        const ends = await way.start(scripted(ENDLESS[kind]?.(marks) ?? (() => 1)), AT_ONCE);
        const nothingIsKept = watchWhatIsKept(ends);
        const told = deferred<{ code: string }>();
        const subscription = ends.caller.send('call', 1).subscribe({ error: told.resolve });
        await marks.begun.promise;
        const codes = await act(ends, () => subscription.unsubscribe());
        await marks.stopped.promise;
        if (codes.length > 0) expect(codes).toContain((await told.promise).code);
        await nothingIsKept();
      });
    }

    test.each(Object.keys(ENDLESS).filter((kind) => !/generator|iterable/.test(kind)))(
      'when it times out: %s, and nothing is kept',
      async (kind) => {
        const marks = { begun: deferred<void>(), stopped: deferred<void>() };
        const ends = await way.start(scripted(ENDLESS[kind]?.(marks) ?? (() => 1)));
        const nothingIsKept = watchWhatIsKept(ends);
        const record = new N2NRecordBuilder(1).setTimeout(20).build();
        await n2nErrorOf(ends.caller.send('call', record), 'TIMEOUT');
        await marks.stopped.promise;
        expect(await lastValueFrom(ends.caller.send('echo', 1))).toBe(1);
        await nothingIsKept();
      },
    );

    test.each<[string, (stream: Readable) => unknown]>([
      ['comes', (stream) => stream],
      ['comes behind an Observable', of],
    ])('a stream that %s after its call was cancelled is destroyed', async (_name, give) => {
      const begun = deferred<void>();
      const cancelled = deferred<void>();
      const closed = deferred<void>();
      const parts = scripted(async (_data, context) => {
        begun.resolve();
        context.getSignal().addEventListener('abort', () => cancelled.resolve());
        await cancelled.promise;
        // It cannot even be opened, which is no matter of the process.
        return give(createReadStream('/no/such/file').once('close', closed.resolve));
      });
      const ends = await way.start(parts);
      const nothingIsKept = watchWhatIsKept(ends);
      const subscription = ends.caller.send('call', 1).subscribe();
      await begun.promise;
      subscription.unsubscribe();
      await closed.promise;
      await nothingIsKept();
    });

    test('a stream that waits behind another is destroyed with it', async () => {
      const first = { begun: deferred<void>(), stopped: deferred<void>() };
      const second = { begun: deferred<void>(), stopped: deferred<void>() };
      const ends = await way.start(scripted(() => of(idle(first), idle(second))));
      const nothingIsKept = watchWhatIsKept(ends);
      const subscription = ends.caller.send('call', 1).subscribe();
      await first.begun.promise;
      subscription.unsubscribe();
      await Promise.all([first.stopped.promise, second.stopped.promise]);
      await nothingIsKept();
    });

    test('a generator behind an Observable counts as being served until it has ended', async () => {
      const begun = deferred<void>();
      const release = deferred<void>();
      async function* busy(): AsyncGenerator<number> {
        begun.resolve();
        await release.promise;
        yield 1;
      }
      const ends = await way.start(
        scripted(() => of(busy())),
        { host: { maxInFlight: 1 } },
      );
      const subscription = ends.caller.send('call', 1).subscribe();
      await begun.promise;
      subscription.unsubscribe();
      const order: string[] = [];
      const next = lastValueFrom(ends.caller.send('echo', 1)).then(() => order.push('next'));
      for (let turns = 0; turns < 100; turns += 1) await turn();
      order.push('released');
      release.resolve();
      await next;
      expect(order).toEqual(['released', 'next']);
    });

    test('an iterable that fails ends the Observable that gave it, and its error is logged once', async () => {
      async function* failing(): AsyncGenerator<number> {
        yield 1;
        throw new Error('expected once');
      }
      const unsubscribed = deferred<void>();
      const endless = new Observable<unknown>((subscriber) => {
        subscriber.next(failing());
        subscriber.next(failing());
        return () => unsubscribed.resolve();
      });
      const ends = await way.start(scripted(() => endless));
      const nothingIsKept = watchWhatIsKept(ends);
      expect(await outcomeOf(ends.caller.send('call', 1))).toMatchObject({ error: { status: 'error' } });
      await unsubscribed.promise;
      await nothingIsKept();
      expect(ends.log.lines.filter((line) => line.includes('expected once'))).toHaveLength(1);
    });

    test('more values behind an iterable than may wait fail the call, in their order', async () => {
      const release = deferred<void>();
      async function* slow(): AsyncGenerator<string> {
        await release.promise;
        yield 'first';
      }
      const unsubscribed = deferred<void>();
      const source = new Observable<unknown>((subscriber) => {
        subscriber.next(slow());
        for (let value = 0; value < 70_000; value += 1) subscriber.next(value);
        return () => unsubscribed.resolve();
      });
      const ends = await way.start(scripted(() => source));
      const outcome = outcomeOf(ends.caller.send('call', 1));
      await unsubscribed.promise;
      release.resolve();
      const { values, error } = await outcome;
      expect([values.length, values.at(-1)]).toEqual([65_537, 65_535]);
      expect(error).toMatchObject({ code: 'OVERLOADED' });
    });

    test('the signal tells why', async () => {
      const begun = deferred<AbortSignal>();
      const aborted = deferred<void>();
      const parts = scripted((_data, context) => {
        const signal = context.getSignal();
        expect(context.getSignal()).toBe(signal);
        signal.addEventListener('abort', () => aborted.resolve());
        begun.resolve(signal);
        return NEVER;
      });
      const ends = await way.start(parts);
      const subscription = ends.caller.send('call', 1).subscribe();
      const signal = await begun.promise;
      expect(signal.aborted).toBe(false);
      subscription.unsubscribe();
      await aborted.promise;
      expect(signal.reason).toMatchObject({ name: 'N2NError', code: 'CANCELLED' });
    });

    test('a call that is made within another is cancelled with it', async () => {
      const marks = { begun: deferred<void>(), stopped: deferred<void>() };
      const inner = await way.start(scripted(ENDLESS['its signal is aborted']?.(marks) ?? (() => 1)));
      const innerKept = watchWhatIsKept(inner);
      const outcome = deferred<unknown>();
      const outer = await way.start(
        scripted((_data, context) => {
          const record = new N2NRecordBuilder('data').within(context).build();
          // Nobody unsubscribes from it: that it ends is the scope's doing.
          void outcomeOf(inner.caller.send('call', record)).then(outcome.resolve);
          return NEVER;
        }),
      );
      const subscription = outer.caller.send('call', 1).subscribe();
      await marks.begun.promise;
      subscription.unsubscribe();
      await marks.stopped.promise;
      expect(await outcome.promise).toMatchObject({ error: { code: 'CANCELLED' } });
      await innerKept();
    });

    test('a thousand calls of every end leave nothing', async () => {
      const parts = scripted((how: number) => {
        if (how % 4 === 0) return 'value';
        if (how % 4 === 1) throw new Error('expected');
        return how % 4 === 2 ? merge(of('first'), NEVER) : NEVER;
      });
      const ends = await way.start(parts);
      const nothingIsKept = watchWhatIsKept(ends);
      const endings = Array.from({ length: 1000 }, (_, how) => {
        if (how % 4 < 2) return outcomeOf(ends.caller.send('call', how));
        if (how % 4 === 3) {
          return outcomeOf(ends.caller.send('call', new N2NRecordBuilder(how).setTimeout(10).build()));
        }
        return new Promise<void>((resolve) => {
          const subscription = ends.caller.send('call', how).subscribe(() => {
            setImmediate(() => subscription.unsubscribe());
            resolve();
          });
        });
      });
      await Promise.all(endings);
      await nothingIsKept();
    });

    test('payloads in fragments leave nothing, be they of calls, answers or events', async () => {
      const events: unknown[] = [];
      const came = deferred<void>();
      const parts = scripted(
        (data: Buffer) => data,
        (data: Buffer) => {
          events.push(data.length);
          if (events.length === 3) came.resolve();
        },
      );
      const ends = await way.start(parts);
      const nothingIsKept = watchWhatIsKept(ends);
      const large = Buffer.alloc(200_000);
      const answers = await Promise.all([1, 2].map(() => lastValueFrom(ends.caller.send('call', large))));
      expect(answers.map((answer: Buffer) => answer.length)).toEqual([200_000, 200_000]);
      for (let count = 0; count < 3; count++) ends.caller.emit('event', large);
      await came.promise;
      expect(events).toEqual([200_000, 200_000, 200_000]);
      await nothingIsKept();
    });
  });
}
