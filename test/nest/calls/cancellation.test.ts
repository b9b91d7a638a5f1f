import { Controller } from '@nestjs/common';
import { MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { firstValueFrom, interval, lastValueFrom, NEVER, Observable, take } from 'rxjs';
import { describe, expect, test } from 'vitest';
import type { N2NContext } from '../../../src/index.js';
import { deferred, proveNothingIsLeft, type Deferred } from '../../support/harness.js';
import { n2nErrorOf, outcomeOf } from '../../support/outcome.js';
import { BUILDERS } from '../../support/service.js';

/** What has begun and ended on the service's side, by the name that the caller gave. */
const begun = new Map<string, Deferred<void>>();
const ended = new Map<string, Deferred<void>>();

function markOf(marks: Map<string, Deferred<void>>, name: string): Deferred<void> {
  const mark = marks.get(name) ?? deferred<void>();
  marks.set(name, mark);
  return mark;
}

@Controller()
class EndlessController {
  @MessagePattern('observable')
  observable(@Payload() name: string): Observable<number> {
    return new Observable((subscriber) => {
      markOf(begun, name).resolve();
      const inner = interval(1).subscribe(subscriber);
      return () => {
        inner.unsubscribe();
        markOf(ended, name).resolve();
      };
    });
  }

  @MessagePattern('generator')
  async *generator(@Payload() name: string): AsyncGenerator<number> {
    try {
      markOf(begun, name).resolve();
      for (let count = 0; ; count++) {
        await new Promise((resolve) => setImmediate(resolve));
        yield count;
      }
    } finally {
      markOf(ended, name).resolve();
    }
  }

  @MessagePattern('silent')
  silent(@Payload() name: string): Observable<number> {
    return new Observable(() => {
      markOf(begun, name).resolve();
      return () => markOf(ended, name).resolve();
    });
  }

  @MessagePattern('teardown fails')
  teardownFails(@Payload() name: string): Observable<number> {
    return new Observable(() => {
      markOf(begun, name).resolve();
      return () => {
        markOf(ended, name).resolve();
        throw new Error('teardown failed');
      };
    });
  }

  @MessagePattern('echo')
  echo(@Payload() value: unknown): unknown {
    return value;
  }

  @MessagePattern('generator that fails')
  async *failing(): AsyncGenerator<number> {
    yield 1;
    throw new Error('secret');
  }

  @MessagePattern('generator that refuses')
  async *refusing(@Payload() why: string | object): AsyncGenerator<number> {
    yield 1;
    throw new RpcException(why);
  }

  @MessagePattern('generator that throws an odd thing')
  async *odd(): AsyncGenerator<number> {
    yield 1;
    // oxlint-disable-next-line typescript/only-throw-error -- this is what the test is about
    throw Object.create(null);
  }

  @MessagePattern('never')
  never(): Observable<never> {
    return NEVER;
  }
}

const PARTS = { controllers: [EndlessController] };

// A caller that wants no more is heard by the handler.
for (const builder of BUILDERS) {
  describe(`cancellation over ${builder.name}`, () => {
    proveNothingIsLeft();

    test.each(['observable', 'generator'])(
      'unsubscribing ends the %s in the other process',
      async (pattern) => {
        const { client } = await builder.start(PARTS);
        const name = `${builder.name} ${pattern}`;
        expect(await lastValueFrom(client.send<number>(pattern, name).pipe(take(3)))).toBe(2);
        await markOf(ended, name).promise;
      },
    );

    test('unsubscribing before any value does, too', async () => {
      const { client } = await builder.start(PARTS);
      const name = `${builder.name} silent`;
      const subscription = client.send('silent', name).subscribe();
      await markOf(begun, name).promise;
      subscription.unsubscribe();
      await markOf(ended, name).promise;
    });

    test('a handler whose teardown throws costs no other call', async () => {
      const { client } = await builder.start(PARTS);
      const name = `${builder.name} teardown`;
      const lost: unknown[] = [];
      client.on('disconnect', (reason: unknown) => lost.push(reason));
      const other = client.send('never', 1).subscribe({ error: (error: unknown) => lost.push(error) });
      const subscription = client.send('teardown fails', name).subscribe();
      await markOf(begun, name).promise;
      subscription.unsubscribe();
      await markOf(ended, name).promise;
      expect(await lastValueFrom(client.send('echo', 1))).toBe(1);
      other.unsubscribe();
      expect(lost).toEqual([]);
    });

    test('closing the client ends what the service does for it', async () => {
      const { client } = await builder.start(PARTS, {}, { drainTimeout: 0 });
      const name = `${builder.name} close`;
      const call = n2nErrorOf(client.send('silent', name), 'CLOSED');
      await markOf(begun, name).promise;
      void client.close();
      await call;
      await markOf(ended, name).promise;
    });

    test('a call that times out is TIMEOUT, and its handler is stopped', async () => {
      const { client } = await builder.start(PARTS, {}, { timeout: 20 });
      const name = `${builder.name} timeout`;
      const error = await n2nErrorOf(client.send('silent', name), 'TIMEOUT');
      expect(error.details).toEqual({ pattern: 'silent', timeout: 20 });
      await markOf(ended, name).promise;
      expect(await firstValueFrom(client.send('echo', 'still there'))).toBe('still there');
    });

    test('the end hook runs for a call that is cancelled', async () => {
      const { client, service } = await builder.start(PARTS);
      const hook = deferred<string>();
      service.strategy.setOnProcessingEndHook((_transport, context) =>
        hook.resolve((context as N2NContext).getPattern()),
      );
      const name = `${builder.name} hook`;
      const subscription = client.send('silent', name).subscribe();
      await markOf(begun, name).promise;
      subscription.unsubscribe();
      expect(await hook.promise).toBe('silent');
    });
  });

  describe(`generators that throw, over ${builder.name}`, () => {
    proveNothingIsLeft();

    test('an Error is masked, and logged by the service', async () => {
      const { client, service } = await builder.start(PARTS);
      expect(await outcomeOf(client.send('generator that fails', {}))).toEqual({
        values: [1],
        error: { status: 'error', message: 'Internal server error' },
      });
      expect(await service.log.line(/secret/)).toMatch(/^error/);
    });

    test('an RpcException arrives as from any handler', async () => {
      const { client } = await builder.start(PARTS);
      const error = async (why: unknown): Promise<unknown> =>
        (await outcomeOf(client.send('generator that refuses', why))).error;
      expect(await error('x')).toEqual({ status: 'error', message: 'x' });
      expect(await error({ code: 5 })).toEqual({ code: 5 });
    });

    test('so is something that is no Error, and has no text', async () => {
      const { client } = await builder.start(PARTS, {}, { timeout: 2000 });
      expect(await outcomeOf(client.send('generator that throws an odd thing', {}))).toEqual({
        values: [1],
        error: { status: 'error', message: 'Internal server error' },
      });
    });
  });
}
