import { Readable } from 'node:stream';
import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { RpcException } from '@nestjs/microservices';
import { concat, lastValueFrom, range, throwError, type Observable } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { proveNothingIsLeft } from '../../support/harness.js';
import { watchWhatIsKept } from '../../support/kept.js';
import { outcomeOf, type Outcome } from '../../support/outcome.js';
import { scripted } from '../../support/scripted.js';
import type { Parts } from '../../support/service.js';
import { SHAPES } from '../../support/stream-shapes.js';
import { WAYS, type Ends } from '../../support/ways.js';

@Injectable()
class Passing implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle();
  }
}

function behindAnInterceptor(parts: Parts): Parts {
  return { ...parts, providers: [{ provide: APP_INTERCEPTOR, useClass: Passing }] };
}

const AROUND: Record<string, (parts: Parts) => Parts> = {
  'from a handler': (parts) => parts,
  'from a handler behind an interceptor': behindAnInterceptor,
};

async function taken(stream: AsyncIterable<unknown>): Promise<Outcome> {
  const values: unknown[] = [];
  try {
    for await (const value of stream) values.push(value);
    return { values };
  } catch (error) {
    return { values, error };
  }
}

/** The two ways to take the values of a call. */
const TAKEN: Record<string, (ends: Ends, data: unknown) => Promise<Outcome>> = {
  send: ({ caller }, data) => outcomeOf(caller.send('call', data)),
  stream: ({ caller }, data) => taken(caller.stream('call', data)),
};

const VALUES = [1, 'two', null, { three: [3] }, Buffer.from('four'), '', 0, false];

// Values of a handler, one after the other.
for (const way of WAYS) {
  for (const [around, dress] of Object.entries(AROUND)) {
    describe(`streams ${around}, ${way.name}`, () => {
      proveNothingIsLeft();

      test.each(Object.keys(SHAPES))('%s: every value, in order, then the end', async (shape) => {
        const parts = scripted((count: number) => SHAPES[shape]?.(VALUES.slice(0, count)));
        const ends = await way.start(dress(parts));
        const nothingIsKept = watchWhatIsKept(ends);
        for (const take of Object.values(TAKEN)) {
          // A Readable of objects has no null: it means the end there.
          const count = shape === 'a Readable' ? 2 : VALUES.length;
          expect(await take(ends, count)).toEqual({ values: VALUES.slice(0, count) });
          expect(await take(ends, 0)).toEqual({ values: [] });
        }
        await nothingIsKept();
      });

      test.each(['Observable', 'generator', 'Readable'])(
        'an error of the %s comes after all its values',
        async (shape) => {
          const refusal = new RpcException({ status: 'error', message: 'enough' });
          async function* failing(): AsyncGenerator {
            for (let value = 0; value < 1000; value += 1) yield value;
            throw refusal;
          }
          const failures: Record<string, () => unknown> = {
            Observable: () =>
              concat(
                range(0, 1000),
                throwError(() => refusal),
              ),
            generator: failing,
            Readable: () => Readable.from(failing()),
          };
          const ends = await way.start(dress(scripted(() => failures[shape]?.())));
          const nothingIsKept = watchWhatIsKept(ends);
          for (const take of Object.values(TAKEN)) {
            const { values, error } = await take(ends, 1);
            expect(values).toEqual(Array.from({ length: 1000 }, (_, index) => index));
            expect(error).toEqual({ status: 'error', message: 'enough' });
          }
          await nothingIsKept();
        },
      );

      test.each(['Observable', 'generator'])('100 000 values of the %s, none twice', async (shape) => {
        const count = 100_000;
        async function* numbers(): AsyncGenerator<number> {
          for (let value = 0; value < count; value += 1) yield value;
        }
        const ends = await way.start(
          dress(scripted(() => (shape === 'generator' ? numbers() : range(0, count)))),
        );
        const nothingIsKept = watchWhatIsKept(ends);
        for (const take of Object.values(TAKEN)) {
          const { values, error } = await take(ends, 1);
          expect(error).toBeUndefined();
          // In order and whole; `toEqual` of so many takes long.
          expect([values.length, values.findIndex((value, index) => value !== index)]).toEqual([count, -1]);
        }
        await nothingIsKept();
      });

      test('of values that are large: none is lost or changed', async () => {
        const sizes = [70_000, 10, 3 * 1024 * 1024, 65_536, 65_537, 1, 2_000_000];
        const large = (): Buffer[] => sizes.map((size, index) => Buffer.alloc(size, index + 1));
        const shapes = ['an Observable', 'an async generator', 'a Readable'];
        const ends = await way.start(dress(scripted((shape: string) => SHAPES[shape]?.(large()))));
        const nothingIsKept = watchWhatIsKept(ends);
        for (const shape of shapes) {
          for (const take of Object.values(TAKEN)) {
            const { values, error } = await take(ends, shape);
            expect(error).toBeUndefined();
            const same = large().map((buffer, index) => buffer.equals(values[index] as Buffer));
            expect(same).toEqual(sizes.map(() => true));
          }
        }
        await nothingIsKept();
      });

      test('leave other calls of the connection alone', async () => {
        const ends = await way.start(dress(scripted(() => range(0, 20_000))));
        const streams = Array.from({ length: 5 }, () => outcomeOf(ends.caller.send('call', 1)));
        for (let call = 0; call < 50; call++) {
          expect(await lastValueFrom(ends.caller.send('echo', call))).toBe(call);
        }
        for (const { values } of await Promise.all(streams)) expect(values).toHaveLength(20_000);
      });
    });
  }
}
