import { AsyncLocalStorage } from 'node:async_hooks';
import { Readable } from 'node:stream';
import {
  Catch,
  ClassSerializerInterceptor,
  Controller,
  Injectable,
  Scope,
  UseFilters,
  type ArgumentsHost,
  type CallHandler,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
  type Provider,
} from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR, ApplicationConfig, Reflector } from '@nestjs/core';
import { EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { io } from 'socket.io-client';
import {
  catchError,
  endWith,
  finalize,
  map,
  of,
  retry,
  take,
  tap,
  throwError,
  timeout,
  type Observable,
} from 'rxjs';
import { describe, expect, test } from 'vitest';
import { N2NContext, N2NRecordBuilder } from '../../src/index.js';
import { atEnd, deferred, proveNothingIsLeft, turn } from '../support/harness.js';
import { watchWhatIsKept } from '../support/kept.js';
import { outcomeOf } from '../support/outcome.js';
import { scripted } from '../support/scripted.js';
import type { Builder } from '../support/service.js';
import type { Way } from '../support/ways.js';

class NoStock extends Error {}

async function* twoThen(end: () => void): AsyncGenerator<number> {
  yield 1;
  await turn();
  yield 2;
  end();
}

const failing = (): AsyncGenerator<number> =>
  twoThen(() => {
    throw new NoStock('no stock');
  });

/** Values 1 and 2, and then what `values` does, in every shape that a stream of a handler can have. */
const SHAPES: Record<string, (values: AsyncGenerator<number>) => unknown> = {
  'a generator': (values) => values,
  'a promise of a generator': async (values) => values,
  'an AsyncIterable': (values) => ({ [Symbol.asyncIterator]: () => values }),
  'a Readable': (values) => Readable.from(values),
};

@Catch(NoStock)
class NoStockFilter implements ExceptionFilter<NoStock> {
  catch(error: NoStock, host: ArgumentsHost): Observable<never> {
    const pattern = host.switchToRpc().getContext<N2NContext>().getPattern();
    return throwError(() => ({ code: 'NO_STOCK', message: error.message, pattern }));
  }
}

@Catch(NoStock)
class ForgivingFilter implements ExceptionFilter<NoStock> {
  catch(): Observable<string> {
    return of('forgiven');
  }
}

@Controller()
@UseFilters(NoStockFilter)
class FilteredController {
  @MessagePattern('of the controller')
  ofController(): AsyncGenerator<number> {
    return failing();
  }

  @UseFilters(ForgivingFilter)
  @MessagePattern('of the method')
  ofMethod(): AsyncGenerator<number> {
    return failing();
  }
}

@Controller({ scope: Scope.REQUEST })
@UseFilters(NoStockFilter)
class RequestScopedController {
  @MessagePattern('of a request')
  ofRequest(): AsyncGenerator<number> {
    return failing();
  }
}

/** An interceptor of the application that does this with the values of a handler. */
function intercepting(intercept: (values: Observable<unknown>) => Observable<unknown>): Provider[] {
  @Injectable()
  class Scripted implements NestInterceptor {
    intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
      return intercept(next.handle());
    }
  }
  return [{ provide: APP_INTERCEPTOR, useClass: Scripted }];
}

class Secretive {
  constructor(
    readonly shown: number,
    readonly secret: string,
  ) {}
}

/** Does what class-transformer would, with what the interceptor asks of it. */
const transformerPackage = {
  classToPlain: (value: unknown): object => (value instanceof Secretive ? { shown: value.shown } : {}),
  plainToInstance: (): never => {
    throw new Error('nothing is to become an instance');
  },
};

/** Interceptors, pre-request hooks and exception filters see an iterable as they see an Observable. */
export function describeIterables(way: Way): void {
  describe(`Nest's pipeline around iterables, ${way.name}`, () => {
    proveNothingIsLeft();

    describe.each(Object.keys(SHAPES))('%s', (shape) => {
      const of12 = scripted(() => SHAPES[shape]?.(twoThen(() => undefined)));
      const ofFailing = scripted(() => SHAPES[shape]?.(failing()));

      test('an exception filter says what the caller gets of its error', async () => {
        const providers = [{ provide: APP_FILTER, useClass: NoStockFilter }];
        const ends = await way.start({ ...ofFailing, providers });
        const nothingIsKept = watchWhatIsKept(ends);
        const error = { code: 'NO_STOCK', message: 'no stock', pattern: 'call' };
        expect(await outcomeOf(ends.caller.send('call', 1))).toEqual({ values: [1, 2], error });
        await nothingIsKept();
      });

      test('an interceptor sees its values, its end and its error', async () => {
        const seen: unknown[] = [];
        const note = (note: string) => () => seen.push(note);
        const providers = intercepting((values) =>
          values.pipe(
            tap({ next: (value) => seen.push(value), complete: note('complete'), error: note('error') }),
            finalize(note('finalize')),
            map((value) => Number(value) * 10),
            endWith('end'),
          ),
        );
        const good = await way.start({ ...of12, providers });
        expect(await outcomeOf(good.caller.send('call', 1))).toEqual({ values: [10, 20, 'end'] });
        expect(seen.splice(0)).toEqual([1, 2, 'complete', 'finalize']);
        const bad = await way.start({ ...ofFailing, providers });
        expect((await outcomeOf(bad.caller.send('call', 1))).values).toEqual([10, 20]);
        expect(seen).toEqual([1, 2, 'error', 'finalize']);
      });

      test('an interceptor that takes some, or catches the error, decides the end', async () => {
        const parts = { ...ofFailing, providers: intercepting((values) => values.pipe(take(1))) };
        const first = await way.start(parts);
        expect(await outcomeOf(first.caller.send('call', 1))).toEqual({ values: [1] });
        const providers = intercepting((values) =>
          values.pipe(catchError((error: Error) => of(error.message))),
        );
        const caught = await way.start({ ...ofFailing, providers });
        expect(await outcomeOf(caught.caller.send('call', 1))).toEqual({ values: [1, 2, 'no stock'] });
      });

      test('a pre-request hook of the application sees its values', async () => {
        @Injectable()
        class Hooking {
          constructor(config: ApplicationConfig) {
            config.registerPreRequestHook((_context, next) => next().pipe(map((value) => [value])));
          }
        }
        const ends = await way.start({ ...of12, providers: [Hooking] });
        expect(await outcomeOf(ends.caller.send('call', 1))).toEqual({ values: [[1], [2]] });
      });
    });

    test('the filters of a controller, of a method and around a request are asked', async () => {
      const { caller } = await way.start({ controllers: [FilteredController, RequestScopedController] });
      const error = (pattern: string) => ({ code: 'NO_STOCK', message: 'no stock', pattern });
      for (const pattern of ['of the controller', 'of a request']) {
        expect(await outcomeOf(caller.send(pattern, 1))).toEqual({ values: [1, 2], error: error(pattern) });
      }
      expect(await outcomeOf(caller.send('of the method', 1))).toEqual({ values: [1, 2, 'forgiven'] });
    });

    test('ClassSerializerInterceptor makes each value plain', async () => {
      const serializer = new ClassSerializerInterceptor(new Reflector(), { transformerPackage });
      const parts = scripted(async function* secretive() {
        yield new Secretive(1, 'a');
        yield new Secretive(2, 'b');
      });
      const providers = [{ provide: APP_INTERCEPTOR, useValue: serializer }];
      const { caller } = await way.start({ ...parts, providers });
      expect(await outcomeOf(caller.send('call', 1))).toEqual({ values: [{ shown: 1 }, { shown: 2 }] });
    });

    test('a timeout of an interceptor ends an iterable that is silent', async () => {
      const returned = deferred<void>();
      const silent = {
        [Symbol.asyncIterator]: () => ({
          next: () => returned.promise.then(() => ({ done: true, value: undefined })),
          return: async () => {
            returned.resolve();
            return { done: true, value: undefined };
          },
        }),
      };
      const providers = intercepting((values) =>
        values.pipe(
          timeout(20),
          catchError((error: Error) => throwError(() => new RpcException({ code: error.name }))),
        ),
      );
      const ends = await way.start({ ...scripted(() => silent), providers });
      const nothingIsKept = watchWhatIsKept(ends);
      expect(await outcomeOf(ends.caller.send('call', 1))).toEqual({
        values: [],
        error: { code: 'TimeoutError' },
      });
      await returned.promise;
      await nothingIsKept();
    });

    test('an interceptor that tries again calls the handler again', async () => {
      let calls = 0;
      const parts = scripted(() => ((calls += 1) < 3 ? failing() : twoThen(() => undefined)));
      const { caller } = await way.start({
        ...parts,
        providers: intercepting((values) => values.pipe(retry(5))),
      });
      expect(await outcomeOf(caller.send('call', 1))).toEqual({ values: [1, 2, 1, 2, 1, 2] });
    });

    test('a Readable that an interceptor does not want is closed', async () => {
      const readable = Readable.from([1, 2]);
      const closed = new Promise((resolve) => readable.once('close', resolve));
      const began = deferred<void>();
      const answered = deferred<void>();
      const parts = scripted(async () => {
        began.resolve();
        await answered.promise;
        return readable;
      });
      @Injectable()
      class Impatient implements NestInterceptor {
        async intercept(_context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
          const subscription = next.handle().subscribe();
          await began.promise;
          subscription.unsubscribe();
          return of('cached');
        }
      }
      const providers = [{ provide: APP_INTERCEPTOR, useClass: Impatient }];
      const { caller } = await way.start({ ...parts, providers });
      expect(await outcomeOf(caller.send('call', 1))).toEqual({ values: ['cached'] });
      answered.resolve();
      await closed;
    });

    test('an error of an event handler that is a generator goes through its filter', async () => {
      const seen = deferred<string>();
      const acknowledged = new N2NRecordBuilder(1).acknowledged().build();
      @Catch()
      class Noting implements ExceptionFilter<Error> {
        catch(error: Error): Observable<never> {
          seen.resolve(error.message);
          return throwError(() => ({ code: 'NOTED' }));
        }
      }
      @Controller()
      @UseFilters(Noting)
      class OfEvents {
        @EventPattern('event')
        async *onEvent(@Payload() _data: unknown): AsyncGenerator<number> {
          yield* failing();
        }
      }
      const { caller } = await way.start({ controllers: [OfEvents] });
      expect((await outcomeOf(caller.emit('event', acknowledged))).error).toEqual({ code: 'NOTED' });
      expect(await seen.promise).toBe('no stock');
    });

    test('several handlers of one event that are generators all run to their end', async () => {
      const ran: string[] = [];
      async function* run(name: string): AsyncGenerator<number> {
        yield* twoThen(() => ran.push(name));
      }
      @Controller()
      class First {
        @EventPattern('event')
        onEvent(@Payload() _data: unknown): AsyncGenerator<number> {
          return run('first');
        }
      }
      @Controller()
      class Second {
        @EventPattern('event')
        onEvent(@Payload() _data: unknown): AsyncGenerator<number> {
          return run('second');
        }
      }
      const { caller } = await way.start({ controllers: [First, Second] });
      await outcomeOf(caller.emit('event', new N2NRecordBuilder(1).acknowledged().build()));
      expect(ran.toSorted()).toEqual(['first', 'second']);
    });

    test('a generator that is cancelled ends in the context of its call', async () => {
      const tenants = new AsyncLocalStorage<string>();
      const seen = deferred<(string | undefined)[]>();
      const parts = scripted(async function* endless() {
        const began = tenants.getStore();
        try {
          for (let value = 0; ; value += 1) yield value;
        } finally {
          seen.resolve([began, tenants.getStore()]);
        }
      });
      @Injectable()
      class Entering implements NestInterceptor {
        intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
          tenants.enterWith('ada');
          return next.handle();
        }
      }
      const providers = [{ provide: APP_INTERCEPTOR, useClass: Entering }];
      const { caller } = await way.start({ ...parts, providers });
      await outcomeOf(caller.send('call', 1).pipe(take(1)));
      expect(await seen.promise).toEqual(['ada', 'ada']);
    });
  });
}

/** A stock Socket.IO client gets the last value, or what the filter made of the error. */
export function describeIterablesOfStockClients(builder: Builder): void {
  describe(`iterables for a stock client of a service over ${builder.name}`, () => {
    proveNothingIsLeft();

    test('go through interceptors and filters', async () => {
      const providers = [
        ...intercepting((values) => values.pipe(map((value) => `value ${String(value)}`))),
        { provide: APP_FILTER, useClass: NoStockFilter },
      ];
      const parts = scripted((fails: boolean) => (fails ? failing() : twoThen(() => undefined)));
      const { service } = await builder.start({ ...parts, providers });
      const stock = io(service.url, { transports: ['websocket'], reconnection: false });
      atEnd(() => stock.disconnect());
      expect(await stock.emitWithAck('call', false)).toBe('value 2');
      expect(await stock.emitWithAck('call', true)).toMatchObject({ status: 'error', code: 'NO_STOCK' });
    });
  });
}
