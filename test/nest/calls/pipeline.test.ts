import {
  Catch,
  Controller,
  Inject,
  Injectable,
  ParseIntPipe,
  Scope,
  UseFilters,
  UseGuards,
  UseInterceptors,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { APP_INTERCEPTOR, REQUEST } from '@nestjs/core';
import {
  Ctx,
  EventPattern,
  MessagePattern,
  Payload,
  RpcException,
  type RequestContext,
} from '@nestjs/microservices';
import { io } from 'socket.io-client';
import { lastValueFrom, map, of, throwError, type Observable } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { N2NContext, N2N_TRANSPORT } from '../../../src/index.js';
import { atEnd, deferred, proveNothingIsLeft, turn } from '../../support/harness.js';
import { n2nErrorOf, outcomeOf } from '../../support/outcome.js';
import { BUILDERS } from '../../support/service.js';

@Injectable()
class OnlyAdults implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const rpc = context.switchToRpc();
    const { age } = rpc.getData<{ age: number }>();
    return context.getType() === 'rpc' && rpc.getContext<unknown>() instanceof N2NContext && age >= 18;
  }
}

@Injectable()
class Doubling implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler<number>): Observable<number> {
    return next.handle().pipe(map((value) => value * 2));
  }
}

class Teapot extends Error {}

@Catch(Teapot)
class TeapotFilter implements ExceptionFilter<Teapot> {
  catch(error: Teapot, host: ArgumentsHost): Observable<never> {
    const pattern = host.switchToRpc().getContext<N2NContext>().getPattern();
    return throwError(() => ({ status: 'teapot', message: error.message, pattern }));
  }
}

@Catch(RangeError)
class ForgivingFilter implements ExceptionFilter<RangeError> {
  catch(error: RangeError): Observable<string> {
    return of(`forgiven: ${error.message}`);
  }
}

let made = 0;

@Injectable({ scope: Scope.REQUEST })
class PerRequest {
  readonly serial = ++made;
  constructor(@Inject(REQUEST) readonly request: RequestContext<unknown, N2NContext>) {}
}

@Controller()
class PipelineController {
  @UseGuards(OnlyAdults)
  @MessagePattern('guarded')
  guarded(): string {
    return 'welcome';
  }

  @MessagePattern('piped')
  piped(@Payload('n', ParseIntPipe) n: number): number {
    return n + 1;
  }

  @UseInterceptors(Doubling)
  @MessagePattern('intercepted')
  intercepted(@Payload() n: number): Observable<number> {
    return of(n, n + 1);
  }

  @UseFilters(TeapotFilter, ForgivingFilter)
  @MessagePattern('filtered')
  filtered(@Payload() what: string): string {
    throw what === 'teapot' ? new Teapot('short and stout') : new RangeError(what);
  }

  @EventPattern('failing event')
  failingEvent(@Payload() _data: unknown): void {
    throw new Error('event gone wrong');
  }

  @EventPattern('rejecting event')
  async rejectingEvent(@Payload() _data: unknown): Promise<void> {
    throw new RpcException('refused');
  }
}

@Controller()
class RequestScopedController {
  constructor(private readonly scoped: PerRequest) {}

  @MessagePattern('scoped')
  serve(): unknown {
    const { request, serial } = this.scoped;
    return [serial, request.getData(), request.getPattern(), request.getContext() instanceof N2NContext];
  }
}

const PARTS = { controllers: [PipelineController, RequestScopedController], providers: [PerRequest] };

/** A hook that is async, though Nest's type of it says that it is not. */
function asAsync<Given extends unknown[]>(hook: (...given: Given) => unknown): (...given: Given) => void {
  return hook;
}

/** What the hooks of processing see of a call. */
function around(pattern: string): unknown[][] {
  return [
    ['start', N2N_TRANSPORT, pattern],
    ['end', N2N_TRANSPORT, pattern],
  ];
}

// What Nest puts around handlers works around those of this transport.
for (const builder of BUILDERS) {
  describe(`Nest's pipeline over ${builder.name}`, () => {
    proveNothingIsLeft();

    test('guards', async () => {
      const { client } = await builder.start(PARTS);
      expect(await lastValueFrom(client.send('guarded', { age: 18 }))).toBe('welcome');
      expect(await outcomeOf(client.send('guarded', { age: 17 }))).toEqual({
        values: [],
        error: { status: 'error', message: 'Forbidden resource' },
      });
    });

    test('pipes', async () => {
      const { client } = await builder.start(PARTS);
      expect(await lastValueFrom(client.send('piped', { n: '41' }))).toBe(42);
      expect((await outcomeOf(client.send('piped', { n: 'x' }))).error).toMatchObject({ status: 'error' });
    });

    test('interceptors, of a handler and of the application', async () => {
      const parts = {
        ...PARTS,
        providers: [...PARTS.providers, { provide: APP_INTERCEPTOR, useClass: Doubling }],
      };
      const { client } = await builder.start(parts);
      expect(await outcomeOf(client.send('intercepted', 1))).toEqual({ values: [4, 8] });
      expect(await outcomeOf(client.send('piped', { n: 1 }))).toEqual({ values: [4] });
    });

    test('exception filters', async () => {
      const { client } = await builder.start(PARTS);
      expect((await outcomeOf(client.send('filtered', 'teapot'))).error).toEqual({
        status: 'teapot',
        message: 'short and stout',
        pattern: 'filtered',
      });
      expect(await outcomeOf(client.send('filtered', 'range'))).toEqual({ values: ['forgiven: range'] });
    });

    test('request-scoped providers are made for each call, and know it', async () => {
      const { client } = await builder.start(PARTS);
      const [first, second] = await Promise.all(
        ['a', 'b'].map((data) =>
          lastValueFrom(client.send<[number, string, string, boolean]>('scoped', data)),
        ),
      );
      expect(first?.slice(1)).toEqual(['a', 'scoped', true]);
      expect(second?.slice(1)).toEqual(['b', 'scoped', true]);
      expect(first?.[0]).not.toBe(second?.[0]);
    });

    test('an error in an event handler is logged, and nothing else happens', async () => {
      const { client, service } = await builder.start(PARTS);
      client.emit('failing event', {});
      client.emit('rejecting event', {});
      expect(await service.log.line(/event gone wrong/)).toMatch(/^error/);
      expect(await lastValueFrom(client.send('piped', { n: 1 }))).toBe(2);
    });
  });

  describe(`hooks over ${builder.name}`, () => {
    proveNothingIsLeft();

    test('of processing are run around each call and event, with its context', async () => {
      const { client, service } = await builder.start(PARTS);
      const seen: unknown[][] = [];
      service.strategy.setOnProcessingStartHook((transport, context, done) => {
        seen.push(['start', transport, (context as N2NContext).getPattern()]);
        void done();
      });
      service.strategy.setOnProcessingEndHook((transport, context) => {
        seen.push(['end', transport, (context as N2NContext).getPattern()]);
      });
      for (const pattern of ['intercepted', 'filtered']) await outcomeOf(client.send(pattern, 1));
      client.emit('failing event', {});
      await outcomeOf(client.send('piped', { n: 1 }));
      await n2nErrorOf(client.send('nobody', 1), 'NO_HANDLER');
      expect(seen.slice(0, 4)).toEqual([...around('intercepted'), ...around('filtered')]);
      expect(seen.filter(([, , pattern]) => pattern === 'failing event')).toEqual(around('failing event'));
      expect(seen.filter(([, , pattern]) => pattern === 'piped')).toEqual(around('piped'));
      expect(seen).toHaveLength(8);
    });

    test('of processing that throw at the end fail their own call, whatever comes of its handler', async () => {
      const { client, service } = await builder.start(PARTS);
      const stock = io(service.url, { transports: ['websocket'], reconnection: false });
      atEnd(() => stock.disconnect());
      service.strategy.setOnProcessingEndHook((_transport, context) => {
        if ((context as N2NContext).getPattern() !== 'scoped') throw new Error('the hook fails');
      });
      const masked = { status: 'error', message: 'Internal server error' };
      const other = lastValueFrom(client.send('scoped', 1));
      expect(await outcomeOf(client.send('piped', { n: 1 }))).toEqual({ values: [], error: masked });
      expect(await outcomeOf(client.send('intercepted', 1))).toEqual({ values: [2, 4], error: masked });
      expect(await outcomeOf(client.send('filtered', 'teapot'))).toEqual({ values: [], error: masked });
      expect(await stock.emitWithAck('piped', { n: 1 })).toEqual(masked);
      expect(await other).toHaveLength(4);
      expect(service.log.lines.filter((line) => line.includes('the hook fails'))).toHaveLength(4);
    });

    test('of processing that reject before the handler runs fail their own call', async () => {
      const { client, service } = await builder.start(PARTS);
      service.strategy.setOnProcessingStartHook(
        asAsync(async (_transport, context, done) => {
          await turn();
          if ((context as N2NContext).getPattern() === 'guarded') throw new Error('the hook rejects');
          await done();
        }),
      );
      const masked = { status: 'error', message: 'Internal server error' };
      const other = lastValueFrom(client.send('piped', { n: 1 }));
      expect(await outcomeOf(client.send('guarded', { age: 20 }))).toEqual({ values: [], error: masked });
      expect(await other).toBe(2);
      expect(await service.log.line(/the hook rejects/)).toMatch(/^error/);
    });

    test('that reject once the handler has begun are logged, and its outcome stands', async () => {
      const { client, service } = await builder.start(PARTS);
      const rejecting = async (name: string): Promise<never> => {
        await turn();
        throw new Error(`the ${name} hook rejects`);
      };
      service.strategy.setOnProcessingStartHook(
        asAsync(async (_transport, _context, done) => {
          await done();
          await rejecting('start');
        }),
      );
      service.strategy.setOnProcessingEndHook(asAsync(() => rejecting('end')));
      client.setOnDispatchHook(asAsync(() => rejecting('dispatch')));
      expect(await outcomeOf(client.send('intercepted', 1))).toEqual({ values: [2, 4] });
      for (const name of ['start', 'end', 'dispatch']) {
        expect(await service.log.line(new RegExp(`the ${name} hook rejects`))).toMatch(/^error/);
      }
    });

    test('that throw once the handler has begun do not leave its generator open', async () => {
      const ended = deferred<void>();
      @Controller()
      class Yielding {
        @MessagePattern('yielding')
        async *yielding(): AsyncGenerator {
          try {
            yield* [1, 2];
          } finally {
            ended.resolve();
          }
        }
      }
      const { client, service } = await builder.start({ controllers: [Yielding] });
      service.strategy.setOnProcessingStartHook((_transport, _context, done) => {
        void done();
        throw new Error('the hook throws');
      });
      expect(await outcomeOf(client.send('yielding', 1))).toEqual({ values: [1, 2] });
      await ended.promise;
      expect(await service.log.line(/the hook throws/)).toMatch(/^error/);
    });

    test('of dispatch attach metadata, which the handler reads', async () => {
      const seen: unknown[] = [];
      @Controller()
      class Reading {
        @MessagePattern('read')
        read(@Payload() data: unknown, @Ctx() context: N2NContext): unknown {
          seen.push(data);
          return context.getMetadata();
        }
      }
      const { client } = await builder.start({ controllers: [Reading] });
      client.setOnDispatchHook((packet) => {
        packet.metadata = { trace: 'é', of: packet.pattern };
      });
      expect(await lastValueFrom(client.send('read', [1]))).toEqual({ trace: 'é', of: 'read' });
      expect(seen).toEqual([[1]]);
    });

    test('of dispatch that attach more than the service takes fail their own call', async () => {
      const { client } = await builder.start(PARTS);
      client.setOnDispatchHook((packet) => {
        if (packet.pattern === 'guarded') packet.metadata = { long: 'x'.repeat(6 * 1024 * 1024) };
      });
      const other = lastValueFrom(client.send('piped', { n: 1 }));
      await n2nErrorOf(client.send('guarded', { age: 20 }), 'PAYLOAD_TOO_LARGE');
      expect(await other).toBe(2);
    });
  });
}
