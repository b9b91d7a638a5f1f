import { AsyncLocalStorage } from 'node:async_hooks';
import { Controller, type CanActivate, type ExecutionContext, UseGuards } from '@nestjs/common';
import { EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { firstValueFrom, lastValueFrom, map, NEVER, Observable, toArray } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { N2NRecordBuilder } from '../../../src/index.js';
import { deferred, proveNothingIsLeft } from '../../support/harness.js';
import { WAYS } from '../../support/ways.js';

const tenants = new AsyncLocalStorage<string>();

interface Question {
  readonly tenant?: string;
  /** Whether the handler waits until it is released. */
  readonly waits?: boolean;
}

/** As ClsGuard of nestjs-cls does: it enters without leaving. */
class TenantGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { tenant } = context.switchToRpc().getData<Question>();
    if (tenant !== undefined) tenants.enterWith(tenant);
    return true;
  }
}

let release = deferred<void>();

@Controller()
@UseGuards(TenantGuard)
class TenantController {
  @MessagePattern('who')
  async who(@Payload() { waits }: Question): Promise<string> {
    if (waits === true) await release.promise;
    return tenants.getStore() ?? 'nobody';
  }

  @MessagePattern('each')
  async *each(): AsyncGenerator<string> {
    yield tenants.getStore() ?? 'nobody';
    yield tenants.getStore() ?? 'nobody';
  }

  @EventPattern('event')
  onEvent(@Payload() _question: Question): void {}
}

// AsyncLocalStorage of one call is never seen by another.
for (const way of WAYS) {
  describe(`the async context of a call ${way.name}`, () => {
    proveNothingIsLeft();
    const parts = { controllers: [TenantController] };

    test('is not seen by calls that are read together with it, nor by later ones', async () => {
      const { caller } = await way.start(parts);
      const ask = (question: Question) => firstValueFrom(caller.send<string>('who', question));
      const together = [ask({ tenant: 'ada' }), ask({}), ask({ tenant: 'bob' }), ask({})];
      expect(await Promise.all(together)).toEqual(['ada', 'nobody', 'bob', 'nobody']);
      expect(await ask({})).toBe('nobody');
    });

    test('is not seen by a call that has waited for its turn and starts when it ends', async () => {
      release = deferred<void>();
      const { caller } = await way.start(parts, { host: { maxInFlight: 1 } });
      const ask = (question: Question) => firstValueFrom(caller.send<string>('who', question));
      const first = ask({ tenant: 'ada', waits: true });
      const others = [ask({}), ask({ tenant: 'bob' }), ask({})];
      release.resolve();
      expect(await Promise.all([first, ...others])).toEqual(['ada', 'nobody', 'bob', 'nobody']);
    });

    test('is that of its own generator', async () => {
      const { caller } = await way.start(parts);
      const ask = (question: Question) =>
        lastValueFrom(caller.send<string>('each', question).pipe(toArray()));
      expect(await Promise.all([ask({ tenant: 'ada' }), ask({})])).toEqual([
        ['ada', 'ada'],
        ['nobody', 'nobody'],
      ]);
    });

    test('is not seen by handlers where the caller has one, or has connected in one', async () => {
      const { caller } = await tenants.run('caller', () => way.start(parts));
      const ask = () => firstValueFrom(caller.send<string>('who', {}));
      expect(await tenants.run('caller', ask)).toBe('nobody');
    });

    test('of whoever subscribes is that of the operators and callbacks behind send() and emit()', async () => {
      const { caller } = await way.start(parts);
      const seen = (request: string) =>
        tenants.run(request, () =>
          lastValueFrom(caller.send<string>('who', {}).pipe(map(() => tenants.getStore()))),
        );
      expect(await Promise.all([seen('r1'), seen('r2'), seen('r3')])).toEqual(['r1', 'r2', 'r3']);
      const failed = tenants.run('r4', () => {
        const { resolve, promise } = deferred<string | undefined>();
        caller.send('no such handler', {}).subscribe({ error: () => resolve(tenants.getStore()) });
        return promise;
      });
      expect(await failed).toBe('r4');
      const acknowledged = tenants.run('r5', () => {
        const { resolve, promise } = deferred<string | undefined>();
        const event = new N2NRecordBuilder({}).acknowledged().build();
        caller.emit('event', event).subscribe({ complete: () => resolve(tenants.getStore()) });
        return promise;
      });
      expect(await acknowledged).toBe('r5');
    });
  });
}

// The end hook of instrumentation runs in the context of the start hook.
for (const way of WAYS) {
  describe(`the end hook of a call ${way.name}`, () => {
    proveNothingIsLeft();

    @Controller()
    class EndingController {
      @MessagePattern('promise')
      async promise(): Promise<string> {
        return 'done';
      }

      @MessagePattern('observable')
      observable(): Observable<string> {
        return NEVER;
      }

      @MessagePattern('generator')
      async *generator(): AsyncGenerator<number> {
        yield 1;
        yield 2;
      }
    }

    test.each(['promise', 'generator', 'observable'])(
      'runs in the context of the start hook, also of one that is cancelled (%s)',
      async (pattern) => {
        const { caller, strategy } = await way.start({ controllers: [EndingController] });
        const began = deferred<void>();
        const ended = deferred<string | undefined>();
        strategy.setOnProcessingStartHook((_transport, _context, done) => {
          tenants.run(`hook of ${pattern}`, () => {
            void done();
            began.resolve();
          });
        });
        strategy.setOnProcessingEndHook(() => ended.resolve(tenants.getStore()));
        const subscription = caller.send(pattern, {}).subscribe();
        await began.promise;
        if (pattern === 'observable') subscription.unsubscribe();
        expect(await ended.promise).toBe(`hook of ${pattern}`);
      },
    );
  });
}
