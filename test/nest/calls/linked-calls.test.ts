import { getEventListeners } from 'node:events';
import { RpcException } from '@nestjs/microservices';
import { concat, lastValueFrom, NEVER, of, throwError } from 'rxjs';
import { describe, expect, test, vi } from 'vitest';
import { N2NRecordBuilder, type CallScope, type N2NRecord } from '../../../src/index.js';
import { stopTheClock } from '../../support/fake-time.js';
import { atEnd, deferred, proveNothingIsLeft } from '../../support/harness.js';
import { asN2NError, n2nErrorOf, outcomeOf } from '../../support/outcome.js';
import { scripted } from '../../support/scripted.js';
import { WAYS, type Ends } from '../../support/ways.js';

/** What calls are made for, and how many of them wait for its end. */
class Scope {
  readonly controller = new AbortController();

  getDeadline(): undefined {}

  getSignal(): AbortSignal {
    return this.controller.signal;
  }

  get listeners(): number {
    return getEventListeners(this.getSignal(), 'abort').length;
  }

  record(data: unknown): N2NRecord {
    return new N2NRecordBuilder(data).within(this).build();
  }
}

// Calls that are made for another one.
for (const way of WAYS) {
  describe(`calls within another one, ${way.name}`, () => {
    proveNothingIsLeft();

    test('let go of its signal when they are over, in whichever way', async () => {
      const seen: number[] = [];
      const scope = new Scope();
      const answers: Record<string, () => unknown> = {
        value: () => 1,
        stream: () => of(1, 2, 3),
        error: () => throwError(() => new RpcException('no')),
      };
      const parts = scripted(
        (data: string) => {
          seen.push(scope.listeners);
          return answers[data]?.();
        },
        (data: string) => {
          seen.push(scope.listeners);
          if (data === 'error') throw new RpcException('no');
        },
      );
      const { caller } = await way.start(parts);
      expect(await outcomeOf(caller.send('call', scope.record('value')))).toEqual({ values: [1] });
      expect(scope.listeners).toBe(0);
      expect(await outcomeOf(caller.send('call', scope.record('stream')))).toEqual({ values: [1, 2, 3] });
      expect(scope.listeners).toBe(0);
      expect(await outcomeOf(caller.send('call', scope.record('error')))).toMatchObject({ values: [] });
      expect(scope.listeners).toBe(0);
      for await (const value of caller.stream('call', scope.record('stream'))) if (value === 2) break;
      expect(scope.listeners).toBe(0);
      const failing = caller.stream('call', scope.record('error'));
      await expect(failing.next()).rejects.toMatchObject({ message: 'no' });
      expect(scope.listeners).toBe(0);
      for (const data of ['value', 'error']) {
        const event = new N2NRecordBuilder(data).acknowledged().within(scope).build();
        expect('error' in (await outcomeOf(caller.emit('event', event)))).toBe(data === 'error');
        expect(scope.listeners).toBe(0);
      }
      expect(await outcomeOf(caller.emit('nobody', scope.record('plain')))).toEqual({ values: [undefined] });
      expect(scope.listeners).toBe(0);
      await n2nErrorOf(caller.send('echo', scope.record(1n)), 'NOT_SERIALIZABLE');
      await n2nErrorOf(caller.send('x'.repeat(70_000), scope.record(1)), 'PAYLOAD_TOO_LARGE');
      expect(scope.listeners).toBe(0);
      // Each was bound as long as it went on.
      expect(seen).toEqual([1, 1, 1, 1, 1, 1, 1]);
    });

    test('are streams with back-pressure, as others are', async () => {
      let produced = 0;
      const { caller } = await way.start(
        scripted(async function* () {
          while (produced < 2000) {
            yield produced;
            produced += 1;
          }
        }),
      );
      stopTheClock();
      const record = new N2NRecordBuilder(1).setTimeout(100).within(new Scope()).build();
      const stream = caller.stream('call', record);
      await stream.next();
      for (let turns = 0; turns < 20; turns += 1) await lastValueFrom(caller.send('echo', 1));
      expect(produced).toBeLessThan(600);
      // The consumer is slow, not the handler.
      vi.advanceTimersByTime(500);
      let last: unknown;
      for await (const value of stream) last = value;
      expect(last).toBe(1999);
    });

    test('let go of its signal when they are unsubscribed from', async () => {
      const scope = new Scope();
      const begun = deferred<void>();
      const { caller } = await way.start(
        scripted(() => {
          begun.resolve();
          return NEVER;
        }),
      );
      const subscription = caller.send('call', scope.record(1)).subscribe();
      await begun.promise;
      expect(scope.listeners).toBe(1);
      subscription.unsubscribe();
      expect(scope.listeners).toBe(0);
    });

    test('are cancelled with it, here and on the other side', async () => {
      const scope = new Scope();
      const stopped = deferred<void>();
      const { caller } = await way.start(
        scripted((_data, context) => {
          context.getSignal().addEventListener('abort', () => stopped.resolve());
          return concat(of(1), NEVER);
        }),
      );
      const first = deferred<void>();
      const error = new Promise((resolve) =>
        caller.send('call', scope.record(1)).subscribe({ next: () => first.resolve(), error: resolve }),
      );
      await first.promise;
      scope.controller.abort();
      asN2NError(await error, 'CANCELLED');
      await stopped.promise;
      expect(scope.listeners).toBe(0);
    });

    test('are cancelled with it without a word in the log, unless it goes on', async () => {
      const scope = new Scope();
      const ended = deferred<void>();
      const ends: Ends = await way.start(
        scripted((data: string, context) => {
          const within = (bound: CallScope): unknown => new N2NRecordBuilder('inner').within(bound).build();
          if (data === 'inner') return NEVER;
          return (async function* (): AsyncGenerator {
            yield 'begun';
            try {
              yield* ends.caller.stream('call', within(data === 'outer' ? context : scope));
            } finally {
              ended.resolve();
            }
          })();
        }),
      );
      const begun = deferred<void>();
      const subscription = ends.caller.send('call', 'outer').subscribe(() => begun.resolve());
      await begun.promise;
      await lastValueFrom(ends.caller.send('echo', 1));
      subscription.unsubscribe();
      await ended.promise;
      await lastValueFrom(ends.caller.send('echo', 1));
      expect(ends.log.lines.filter((line) => line.includes('was cancelled'))).toEqual([]);
      const outcome = outcomeOf(ends.caller.send('call', 'within another'));
      await lastValueFrom(ends.caller.send('echo', 1));
      scope.controller.abort();
      expect(await outcome).toMatchObject({ values: ['begun'] });
      expect(await ends.log.line(/was cancelled/)).toMatch(/^error/);
    });

    test('are as many as there may be, under one listener', async () => {
      const scope = new Scope();
      const warnings: unknown[] = [];
      const onWarning = (warning: unknown): void => void warnings.push(warning);
      process.on('warning', onWarning);
      atEnd(() => process.off('warning', onWarning));
      const { caller } = await way.start(scripted(() => NEVER));
      const outcomes = Array.from({ length: 20 }, () => outcomeOf(caller.send('call', scope.record(1))));
      expect(await lastValueFrom(caller.send('echo', scope.record(1)))).toBe(1);
      expect([scope.listeners, warnings]).toEqual([1, []]);
      scope.controller.abort();
      for (const { error } of await Promise.all(outcomes)) asN2NError(error, 'CANCELLED');
      expect(scope.listeners).toBe(0);
    });

    test('are cancelled with a signal of their own, or with either of both', async () => {
      const { caller } = await way.start(scripted(() => concat(of(1), NEVER)));
      for (const aborts of ['signal', 'scope'] as const) {
        const scope = new Scope();
        const controller = new AbortController();
        const record = new N2NRecordBuilder(1).within(scope).setSignal(controller.signal).build();
        const first = deferred<void>();
        const error = new Promise((resolve) =>
          caller.send('call', record).subscribe({ next: () => first.resolve(), error: resolve }),
        );
        await first.promise;
        (aborts === 'signal' ? controller : scope.controller).abort();
        asN2NError(await error, 'CANCELLED');
        expect([scope.listeners, getEventListeners(controller.signal, 'abort').length]).toEqual([0, 0]);
      }
      const aborted = new N2NRecordBuilder(1).setSignal(AbortSignal.abort()).build();
      await n2nErrorOf(caller.send('echo', aborted), 'CANCELLED');
      const unused = new N2NRecordBuilder(2).setSignal(new AbortController().signal).build();
      expect(await lastValueFrom(caller.send('echo', unused))).toBe(2);
    });

    test('are not made when it is cancelled already', async () => {
      const scope = new Scope();
      scope.controller.abort();
      const called: unknown[] = [];
      const { caller } = await way.start(
        scripted(
          (data) => called.push(data),
          (data) => called.push(data),
        ),
      );
      await n2nErrorOf(caller.send('call', scope.record(1)), 'CANCELLED');
      await n2nErrorOf(
        caller.emit('event', new N2NRecordBuilder(2).acknowledged().within(scope).build()),
        'CANCELLED',
      );
      await n2nErrorOf(caller.emit('event', scope.record(3)), 'CANCELLED');
      expect(await lastValueFrom(caller.send('echo', 1))).toBe(1);
      expect(called).toEqual([]);
    });
  });
}
