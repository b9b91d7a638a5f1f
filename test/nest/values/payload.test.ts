import { Controller } from '@nestjs/common';
import { MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { concat, from, lastValueFrom, NEVER, of, type Observable } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { proveNothingIsLeft } from '../../support/harness.js';
import { N2NRecordBuilder } from '../../../src/index.js';
import { n2nErrorOf, outcomeOf } from '../../support/outcome.js';
import { BUILDERS, type Pair } from '../../support/service.js';

function cycle(): object {
  const value: Record<string, unknown> = {};
  value['self'] = value;
  return value;
}

const UNENCODABLE: Record<string, () => unknown> = {
  'a BigInt': () => 1n,
  'a BigInt within': () => ({ a: [1n] }),
  'a cycle': cycle,
  'a cycle around bytes': () => Object.assign(cycle(), { bytes: Buffer.from('x') }),
  'a function': () => () => 1,
  'a symbol': () => Symbol('s'),
};

@Controller()
class PayloadController {
  @MessagePattern('echo')
  echo(@Payload() value: unknown): unknown {
    return value;
  }

  @MessagePattern('bytes')
  bytes(@Payload() length: number): Buffer {
    return Buffer.alloc(length);
  }

  @MessagePattern('text')
  text(@Payload() length: number): string {
    return 'é'.repeat((length - 2) / 2);
  }

  @MessagePattern('unencodable')
  unencodable(@Payload() name: string): unknown {
    return UNENCODABLE[name]?.();
  }

  @MessagePattern('unencodable in a stream')
  stream(@Payload() name: string): Observable<unknown> {
    return concat(from([1, UNENCODABLE[name]?.(), 2]), NEVER);
  }

  @MessagePattern('unencodable in a generator')
  async *generator(@Payload() name: string): AsyncGenerator {
    yield 1;
    yield UNENCODABLE[name]?.();
    yield 2;
  }

  @MessagePattern('unencodable error')
  error(@Payload() name: string): never {
    throw new RpcException(UNENCODABLE[name]?.() as object);
  }

  @MessagePattern('never')
  never(): Observable<unknown> {
    return concat(of('begun'), NEVER);
  }
}

const PARTS = { controllers: [PayloadController] };

/** Does something while a call is under way, which must be there afterwards, on the same connection. */
async function besideACall({ client }: Pair, act: () => Promise<void>): Promise<void> {
  const seen: unknown[] = [];
  client.on('disconnect', (reason: unknown) => seen.push(reason));
  const subscription = client.send('never', {}).subscribe({
    error: (error: unknown) => seen.push(error),
    complete: () => seen.push('completed'),
  });
  await act();
  expect(await lastValueFrom(client.send('echo', 'after'))).toBe('after');
  subscription.unsubscribe();
  expect(seen).toEqual([]);
}

// A payload that cannot travel fails its own call, on the side that tried.
for (const builder of BUILDERS) {
  describe(`payloads that cannot be encoded, over ${builder.name}`, () => {
    proveNothingIsLeft();

    test.each(Object.keys(UNENCODABLE))('%s, in a call, an event and answers', async (name) => {
      const pair = await builder.start(PARTS);
      const { client } = pair;
      const value = UNENCODABLE[name]?.();
      await besideACall(pair, async () => {
        await n2nErrorOf(client.send('echo', value), 'NOT_SERIALIZABLE');
        await n2nErrorOf(client.emit('event', value), 'NOT_SERIALIZABLE');
        await n2nErrorOf(client.send('unencodable', name), 'NOT_SERIALIZABLE');
        for (const pattern of ['unencodable in a stream', 'unencodable in a generator']) {
          expect(await outcomeOf(client.send(pattern, name))).toEqual({
            values: [1],
            error: expect.objectContaining({ code: 'NOT_SERIALIZABLE' }) as unknown,
          });
        }
      });
    });

    test('the error says whose value it is', async () => {
      const { client } = await builder.start(PARTS);
      const messageOf = async (pattern: string, value: unknown): Promise<string> =>
        (await n2nErrorOf(client.send(pattern, value), 'NOT_SERIALIZABLE')).message;
      expect(await messageOf('echo', { a: [1n] })).toMatch(/^The payload of "echo" .* BigInt at "a\[0\]"/);
      const record = new N2NRecordBuilder(cycle()).setTimeout(1000).build();
      expect(await messageOf('echo', record)).toMatch(/^The payload of "echo" .* back to itself/);
      expect(await messageOf('echo', of(1, 1n))).toMatch(/^A value of the payload of "echo" .* BigInt/);
      for (const pattern of ['unencodable', 'unencodable in a stream', 'unencodable in a generator']) {
        expect(await messageOf(pattern, 'a BigInt within')).toContain(`The answer to "${pattern}"`);
      }
      expect(await messageOf('unencodable error', 'a BigInt within')).toMatch(
        /^The error .* BigInt at "a\[0\]"/,
      );
    });

    test('an event that nobody subscribes to is not lost in silence', async () => {
      const { client, service } = await builder.start(PARTS);
      client.emit('event', 1n);
      expect(await service.log.line(/event.* was lost.*BigInt/i)).toMatch(/^error/);
    });
  });

  describe(`payloads over the limit, over ${builder.name}`, () => {
    proveNothingIsLeft();
    const limit = 100_000;

    test('of the service: what is longer fails on the side of the caller', async () => {
      const pair = await builder.start(PARTS, { maxPayload: limit });
      const { client } = pair;
      await besideACall(pair, async () => {
        expect(await lastValueFrom(client.send('echo', Buffer.alloc(limit)))).toHaveLength(limit);
        expect(await lastValueFrom(client.send('echo', 'x'.repeat(limit - 2)))).toHaveLength(limit - 2);
        for (const value of [Buffer.alloc(limit + 1), 'x'.repeat(limit - 1), { a: Buffer.alloc(limit) }]) {
          const error = await n2nErrorOf(client.send('echo', value), 'PAYLOAD_TOO_LARGE');
          expect(error).toMatchObject({ retryable: false, details: { maxPayload: limit } });
          await n2nErrorOf(client.emit('event', value), 'PAYLOAD_TOO_LARGE');
        }
      });
    });

    test('of the caller: answers that are longer fail their call', async () => {
      const pair = await builder.start(PARTS, {}, { maxPayload: limit });
      const { client } = pair;
      await besideACall(pair, async () => {
        for (const pattern of ['bytes', 'text']) {
          expect(await lastValueFrom(client.send<string | Buffer>(pattern, limit))).toBeDefined();
          const error = await n2nErrorOf(client.send(pattern, limit + 2), 'PAYLOAD_TOO_LARGE');
          expect(error.details).toEqual({ length: limit + 2, maxPayload: limit });
        }
      });
    });

    test('patterns longer than can be written', async () => {
      const pair = await builder.start(PARTS);
      await besideACall(pair, async () => {
        await n2nErrorOf(pair.client.send('x'.repeat(70 * 1024), 1), 'PAYLOAD_TOO_LARGE');
        await n2nErrorOf(pair.client.send('x'.repeat(65_535), 1), 'NO_HANDLER');
      });
    });

    test('patterns of objects nested deeper than the stack', async () => {
      const pair = await builder.start(PARTS);
      await besideACall(pair, async () => {
        const pattern = `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`;
        await n2nErrorOf(pair.client.send(pattern, 1), 'NO_HANDLER');
      });
    });
  });
}
