import { Controller } from '@nestjs/common';
import { Ctx, EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { from, lastValueFrom, of, throwError, concat, EMPTY, type Observable } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { N2NContext, N2N_TRANSPORT } from '../../../src/index.js';
import { deferred, proveNothingIsLeft, turn } from '../../support/harness.js';
import { n2nErrorOf, outcomeOf } from '../../support/outcome.js';
import { BUILDERS } from '../../support/service.js';

const seen: unknown[] = [];
let whenSeen = deferred<void>();

function note(...what: unknown[]): void {
  seen.push(what);
  whenSeen.resolve();
}

@Controller()
class ValuesController {
  @MessagePattern('echo')
  echo(@Payload() value: unknown): unknown {
    return value;
  }

  @MessagePattern('promise')
  async promise(@Payload() value: unknown): Promise<unknown> {
    await turn();
    return value;
  }

  @MessagePattern('observable')
  observable(@Payload() values: unknown[]): Observable<unknown> {
    return from(values);
  }

  @MessagePattern('promise of observable')
  async promiseOfObservable(@Payload() values: unknown[]): Promise<Observable<unknown>> {
    await turn();
    return from(values);
  }

  @MessagePattern('generator')
  async *generator(@Payload() values: unknown[]): AsyncGenerator {
    for (const value of values) {
      await turn();
      yield value;
    }
  }

  @MessagePattern('empty')
  empty(): Observable<unknown> {
    return EMPTY;
  }

  @MessagePattern('values, then an error')
  failing(): Observable<unknown> {
    return concat(
      of(1, 2),
      throwError(() => new RpcException({ status: 'error', message: 'third' })),
    );
  }

  @MessagePattern({ cmd: 'sum', of: { kind: 'numbers', list: true } })
  sum(@Payload() numbers: number[]): number {
    return numbers.reduce((total, number) => total + number, 0);
  }

  @MessagePattern(42)
  numbered(): string {
    return 'forty-two';
  }

  @MessagePattern('context')
  context(@Payload() _data: unknown, @Ctx() context: N2NContext): unknown {
    return [context.getPattern(), context.getSocket().connected, context.getMetadata() ?? null];
  }

  @MessagePattern('for this transport', N2N_TRANSPORT as never)
  forThisTransport(): string {
    return 'here';
  }

  @MessagePattern('for another transport', Symbol.for('another') as never)
  forAnotherTransport(): string {
    return 'never';
  }

  @EventPattern('happened')
  first(@Payload() data: unknown): void {
    note('first', data);
  }

  @EventPattern('in order')
  inOrder(@Payload() data: number): void {
    seen.push(data);
    if (data === 999) whenSeen.resolve();
  }
}

@Controller()
class SecondController {
  @EventPattern('happened')
  second(@Payload() data: unknown): void {
    note('second', data);
  }

  @EventPattern('happened')
  async third(@Payload() data: unknown): Promise<void> {
    await turn();
    note('third', data);
  }
}

const PARTS = { controllers: [ValuesController, SecondController] };

// What a handler gives is what the caller gets, in every way to give it.
for (const builder of BUILDERS) {
  describe(`values over ${builder.name}`, () => {
    proveNothingIsLeft();

    test.each([
      ['null', null],
      ['zero', 0],
      ['an empty text', ''],
      ['false', false],
      ['text', 'naïve 犬 🦊'],
      ['nested', { a: [1, { b: null }] }],
      ['bytes', Buffer.from([0, 1, 255])],
      ['nested bytes', { file: Buffer.from('abc'), list: [Buffer.from('d')] }],
      ['a megabyte of text', '犬'.repeat(350_000)],
    ])('%s there and back', async (_name, value) => {
      const { client } = await builder.start(PARTS);
      const [echoed, promised] = await Promise.all(
        ['echo', 'promise'].map((pattern) => outcomeOf(client.send(pattern, value))),
      );
      expect(echoed).toEqual({ values: [value] });
      expect(promised).toEqual({ values: [value] });
    });

    test('a megabyte of bytes, there and back', async () => {
      const { client } = await builder.start(PARTS);
      const bytes = Buffer.alloc(1_000_000, 'abcdefg');
      const echoed = await lastValueFrom(client.send<Buffer>('echo', bytes));
      // `toEqual` of long buffers takes seconds; this says the same.
      expect(Buffer.isBuffer(echoed) && echoed.equals(bytes)).toBe(true);
    });

    test('no value is no value: the call completes empty', async () => {
      const { client } = await builder.start(PARTS);
      expect(await outcomeOf(client.send('echo', undefined))).toEqual({ values: [] });
      expect(await outcomeOf(client.send('empty', {}))).toEqual({ values: [] });
    });

    test.each(['observable', 'promise of observable', 'generator'])(
      '%s: all values in order',
      async (pattern) => {
        const { client } = await builder.start(PARTS);
        const values = [1, 'two', null, { three: 3 }, Buffer.from('four'), ''];
        expect(await outcomeOf(client.send(pattern, values))).toEqual({ values });
        expect(await outcomeOf(client.send(pattern, []))).toEqual({ values: [] });
      },
    );

    test('ten thousand values, whole and in order', async () => {
      const { client } = await builder.start(PARTS);
      const values = Array.from({ length: 10_000 }, (_, index) => index);
      expect(await outcomeOf(client.send('observable', values))).toEqual({ values });
    });

    test('an error comes after the values before it', async () => {
      const { client } = await builder.start(PARTS);
      expect(await outcomeOf(client.send('values, then an error', {}))).toEqual({
        values: [1, 2],
        error: { status: 'error', message: 'third' },
      });
    });

    test('a thousand calls at once, each with its own answer', async () => {
      const { client } = await builder.start(PARTS);
      const numbers = Array.from({ length: 1000 }, (_, index) => index);
      const answers = await Promise.all(
        numbers.map((number) => lastValueFrom(client.send<number>(number % 2 ? 'echo' : 'promise', number))),
      );
      expect(answers).toEqual(numbers);
    });

    test('each subscription is a call; none is made without one', async () => {
      const { client, service } = await builder.start(PARTS);
      let served = 0;
      service.strategy.setOnProcessingStartHook((_transport, _context, done) => {
        served += 1;
        void done();
      });
      const call = client.send<number>('echo', 1);
      await lastValueFrom(client.send('echo', 0));
      expect(served).toBe(1);
      expect([await lastValueFrom(call), await lastValueFrom(call)]).toEqual([1, 1]);
      expect(served).toBe(3);
    });
  });

  describe(`patterns over ${builder.name}`, () => {
    proveNothingIsLeft();

    test('objects, whatever the order of their keys, and numbers', async () => {
      const { client } = await builder.start(PARTS);
      const patterns = [
        { cmd: 'sum', of: { kind: 'numbers', list: true } },
        { of: { list: true, kind: 'numbers' }, cmd: 'sum' },
        '{"of":{"list":true,"kind":"numbers"},"cmd":"sum"}',
      ];
      for (const pattern of patterns) expect(await lastValueFrom(client.send(pattern, [1, 2, 3]))).toBe(6);
      expect(await lastValueFrom(client.send(42, {}))).toBe('forty-two');
    });

    test('handlers of this transport are there, those of another are not', async () => {
      const { client } = await builder.start(PARTS);
      expect(await lastValueFrom(client.send('for this transport', {}))).toBe('here');
      await n2nErrorOf(client.send('for another transport', {}), 'NO_HANDLER');
    });

    test.each([
      'nobody',
      '__proto__',
      'constructor',
      'error',
      'disconnect',
      '',
      '{',
      '{"__proto__":1}',
      '犬',
    ])('nobody handles %j: the call says so, with the pattern', async (pattern) => {
      const { client } = await builder.start(PARTS);
      const error = await n2nErrorOf(client.send(pattern, {}), 'NO_HANDLER');
      expect(error.message).toContain('There is no matching message handler defined in the remote service');
      expect(error.details).toEqual({ pattern });
      expect(await lastValueFrom(client.send('echo', 1))).toBe(1);
    });

    test('the context knows pattern, socket and metadata', async () => {
      const { client } = await builder.start(PARTS);
      expect(await lastValueFrom(client.send('context', {}))).toEqual(['context', true, null]);
    });
  });

  describe(`events over ${builder.name}`, () => {
    proveNothingIsLeft();

    test('reach every handler of every controller', async () => {
      const { client } = await builder.start(PARTS);
      seen.length = 0;
      // It goes out although nobody subscribes.
      client.emit('happened', { a: Buffer.from('b') });
      while (seen.length < 3) {
        whenSeen = deferred();
        await whenSeen.promise;
      }
      expect(new Set(seen)).toEqual(
        new Set(['first', 'second', 'third'].map((name) => [name, { a: Buffer.from('b') }])),
      );
    });

    test('arrive in the order in which they were emitted', async () => {
      const { client } = await builder.start(PARTS);
      seen.length = 0;
      whenSeen = deferred();
      for (let index = 0; index < 1000; index++) client.emit('in order', index);
      await whenSeen.promise;
      expect(seen).toEqual(Array.from({ length: 1000 }, (_, index) => index));
    });

    test('complete when they are written, also when nobody handles them, which the service logs', async () => {
      const { client, service } = await builder.start(PARTS);
      const outcome = await outcomeOf(client.emit('nobody cares', 1));
      expect(outcome.error).toBeUndefined();
      expect(await service.log.line(/no matching event handler.*nobody cares/)).toMatch(/^error/);
    });
  });
}
