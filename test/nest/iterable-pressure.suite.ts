import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { filter, lastValueFrom, map, NEVER, takeUntil, timeout, type Observable } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { deferred, proveNothingIsLeft, turn } from '../support/harness.js';
import { watchWhatIsKept } from '../support/kept.js';
import { scripted } from '../support/scripted.js';
import type { Ends, Way } from '../support/ways.js';

/** The items of a stream that may be under way: see docs/wire-protocol.md. One more is in the generator's hand. */
const MOST_AHEAD = 256 + 1;

/** Operators of interceptors that give each value on at once, as most do. */
const OPERATORS: Record<string, (values: Observable<unknown>) => Observable<unknown>> = {
  map: (values) => values.pipe(map((value) => value)),
  takeUntil: (values) => values.pipe(takeUntil(NEVER)),
  timeout: (values) => values.pipe(timeout(60_000)),
};

function behind(intercept: (values: Observable<unknown>) => Observable<unknown>) {
  @Injectable()
  class Scripted implements NestInterceptor {
    intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
      return intercept(next.handle());
    }
  }
  return [{ provide: APP_INTERCEPTOR, useClass: Scripted }];
}

async function settled({ caller }: Ends): Promise<void> {
  for (let call = 0; call < 5; call++) await lastValueFrom(caller.send('echo', call));
}

/** A slow caller holds back a generator through interceptors, and one that leaves returns it. */
export function describeIterablePressure(way: Way): void {
  describe(`iterables behind interceptors, ${way.name}`, () => {
    proveNothingIsLeft();

    test.each(Object.keys(OPERATORS))(
      'a slow consumer holds back the generator behind %s; leaving runs its finally',
      async (operator) => {
        let produced = 0;
        const returned = deferred<void>();
        const parts = scripted(async function* endless() {
          try {
            for (;;) yield produced++;
          } finally {
            returned.resolve();
          }
        });
        const providers = behind((values) => OPERATORS[operator]?.(values) ?? NEVER);
        const ends = await way.start({ ...parts, providers });
        const nothingIsKept = watchWhatIsKept(ends);
        let taken = 0;
        for await (const value of ends.caller.stream<number>('call', 1)) {
          expect(value).toBe(taken++);
          if (taken % 100 === 1) await settled(ends);
          expect(produced - taken).toBeLessThanOrEqual(MOST_AHEAD);
          if (taken === 601) break;
        }
        await returned.promise;
        await nothingIsKept();
        expect(produced - taken).toBeLessThanOrEqual(MOST_AHEAD);
      },
    );

    test('a generator without end whose values an interceptor drops can be cancelled', async () => {
      const began = deferred<void>();
      const returned = deferred<void>();
      const parts = scripted(async function* endless() {
        try {
          began.resolve();
          for (let value = 0; ; value += 1) yield value;
        } finally {
          returned.resolve();
        }
      });
      const providers = behind((values) => values.pipe(filter((value) => typeof value !== 'number')));
      const ends = await way.start({ ...parts, providers });
      const subscription = ends.caller.send('call', 1).subscribe();
      await began.promise;
      subscription.unsubscribe();
      await returned.promise;
    });

    test('a call that is cancelled is served until its generator has stopped', async () => {
      const began = deferred<void>();
      const release = deferred<void>();
      const parts = scripted(async function* waiting() {
        began.resolve();
        await release.promise;
        yield 1;
      });
      const providers = behind((values) => values);
      const { caller, strategy, closeHost } = await way.start({ ...parts, providers });
      const ended = deferred<void>();
      strategy.setOnProcessingEndHook(() => ended.resolve());
      const subscription = caller.send('call', 1).subscribe();
      await began.promise;
      subscription.unsubscribe();
      const order: string[] = [];
      const closing = closeHost().then(() => order.push('closed'));
      const end = ended.promise.then(() => order.push('ended'));
      await turn();
      expect(order).toEqual([]);
      release.resolve();
      await Promise.all([closing, end]);
      expect(order).toEqual(['ended', 'closed']);
    });
  });
}
