import { RpcException } from '@nestjs/microservices';
import { concat, from, lastValueFrom, NEVER, of, throwError } from 'rxjs';
import { describe, expect, test } from 'vitest';
import type { CodecName, UserCodec } from '../../../src/index.js';
import { proveNothingIsLeft } from '../../support/harness.js';
import { watchWhatIsKept } from '../../support/kept.js';
import { asN2NError, n2nErrorOf, outcomeOf } from '../../support/outcome.js';
import { scripted } from '../../support/scripted.js';
import { BUILDERS, startClient, startService } from '../../support/service.js';
import { WAYS, type Ends, type WayOptions } from '../../support/ways.js';

const LONG = Buffer.alloc(100_000, 'x');
const NESTED_BYTES = {
  file: Buffer.from('abc'),
  list: [{ a: LONG }, new Uint8Array([1])],
};

/** A codec that cannot do everything: text in capitals, but no "unwritable", and not "UNREADABLE". */
const capitals: UserCodec = {
  name: 'capitals',
  encode(value) {
    if ((JSON.stringify(value) ?? '').includes('"unwritable"'))
      throw new RangeError('the codec refuses to write');
    return Buffer.from(JSON.stringify(value)?.toUpperCase() ?? '');
  },
  decode(bytes) {
    const text = Buffer.from(bytes).toString();
    if (text === '"UNREADABLE"') throw new RangeError('the codec refuses to read');
    return JSON.parse(text) as unknown;
  },
};

function cyclic(): { name: string; self?: unknown } {
  const value: { name: string; self?: unknown } = { name: 'cycle' };
  value.self = value;
  return value;
}

/** One value, there and back, in each place where values travel. */
async function everywhere({ caller }: Ends, value: unknown): Promise<unknown[]> {
  const streamed: unknown[] = [];
  for await (const one of caller.stream('call', of(value, value))) streamed.push(one);
  return [await lastValueFrom(caller.send('echo', value)), ...streamed];
}

// How values are written.
for (const way of WAYS) {
  const start = (codec: CodecName | UserCodec, both: WayOptions['both'] = {}): Promise<Ends> =>
    way.start(
      scripted((data: AsyncIterable<unknown>) => from(data)),
      { both: { codec, ...both } },
    );

  describe(`codecs, ${way.name}`, () => {
    proveNothingIsLeft();

    test('json: nested bytes', async () => {
      const ends = await start('json');
      for (const echoed of await everywhere(ends, NESTED_BYTES)) {
        const { list } = echoed as { list: [{ a: Buffer }, Buffer] };
        // `toEqual` of long buffers takes long.
        expect([list[0].a.equals(LONG), [...list[1]]]).toEqual([true, [1]]);
        expect((echoed as typeof NESTED_BYTES).file).toBeInstanceOf(Uint8Array);
      }
    });

    test.each([
      ['a Date', new Date(5)],
      ['a Map', new Map([['a', new Map([[1, 2]])]])],
      ['a Set', new Set([1, 'two'])],
      ['a BigInt', 2n ** 70n],
      ['a RegExp', /x/giu],
      ['a typed array', { floats: new Float64Array([1.5, NaN]) }],
      ['undefined within', { a: undefined, b: [undefined] }],
      ['nested bytes', { file: Buffer.from('abc') }],
      ['many', Array.from({ length: 20_000 }, (_, index) => ({ index: BigInt(index) }))],
    ])('v8: %s', async (_name, value) => {
      const ends = await start('v8');
      for (const echoed of await everywhere(ends, value)) expect(echoed).toEqual(value);
    });

    test('v8: a cycle', async () => {
      const ends = await start('v8');
      for (const echoed of await everywhere(ends, cyclic())) {
        const { self, name } = echoed as ReturnType<typeof cyclic>;
        expect([self === echoed, name]).toEqual([true, 'cycle']);
      }
    });

    test('v8: a function cannot be written, and fails its own call', async () => {
      const ends = await start('v8', { drainTimeout: 0 });
      const other = outcomeOf(ends.caller.send('call', concat(of(1), NEVER)));
      await n2nErrorOf(
        ends.caller.send('echo', () => 1),
        'NOT_SERIALIZABLE',
      );
      expect(await lastValueFrom(ends.caller.send('echo', 1n))).toBe(1n);
      await ends.closeCaller();
      expect((await other).values).toEqual([1]);
    });

    test("one's own: values, streams, errors; bytes and undefined as they are", async () => {
      const ends = await start(capitals);
      expect(await everywhere(ends, { a: 'b' })).toEqual([{ A: 'B' }, { A: 'B' }, { A: 'B' }]);
      expect(await lastValueFrom(ends.caller.send('echo', Buffer.from('as it is')))).toEqual(
        Buffer.from('as it is'),
      );
      expect(await outcomeOf(ends.caller.send('echo', undefined))).toEqual({ values: [] });
    });

    test("one's own: what it throws fails its own call, wherever it throws it", async () => {
      const answers: Record<string, () => unknown> = {
        UNWRITABLE_ANSWER: () => 'unwritable',
        UNREADABLE_ANSWER: () => 'unreadable',
        UNWRITABLE_VALUE: () => concat(of(1, 'unwritable', 2), NEVER),
        UNREADABLE_VALUE: () => concat(of(1, 'unreadable', 2), NEVER),
        UNWRITABLE_ERROR: () => throwError(() => new RpcException('unwritable')),
      };
      const ends = await way.start(
        scripted((data: string) => answers[data]?.() ?? from([data])),
        { both: { codec: capitals } },
      );
      const nothingIsKept = watchWhatIsKept(ends);
      const outcome = async (pattern: string, data: unknown): Promise<unknown[]> => {
        const { values, error } = await outcomeOf(ends.caller.send(pattern, data));
        return [values, (error as { code?: unknown } | undefined)?.code];
      };
      expect(await outcome('echo', 'unwritable')).toEqual([[], 'NOT_SERIALIZABLE']);
      expect(await outcome('echo', 'unreadable')).toEqual([[], 'PROTOCOL_ERROR']);
      expect(await outcome('call', 'unwritable_answer')).toEqual([[], 'NOT_SERIALIZABLE']);
      expect(await outcome('call', 'unreadable_answer')).toEqual([[], 'PROTOCOL_ERROR']);
      expect(await outcome('call', 'unwritable_value')).toEqual([[1], 'NOT_SERIALIZABLE']);
      expect(await outcome('call', 'unreadable_value')).toEqual([[1], 'PROTOCOL_ERROR']);
      expect(await outcome('call', 'unwritable_error')).toEqual([[], 'NOT_SERIALIZABLE']);
      expect(await outcome('echo', 'fine')).toEqual([['FINE'], undefined]);
      await nothingIsKept();
    });

    test("one's own: an event that cannot be read is not lost in silence", async () => {
      const ends = await start(capitals);
      ends.caller.emit('event', 'unreadable');
      expect(await lastValueFrom(ends.caller.send('echo', 1))).toBe(1);
      expect(ends.log.lines.filter((line) => /refuses to read/.test(line))).toHaveLength(1);
    });

    test('an RpcException may carry what the codec can write', async () => {
      const ends = await way.start(
        scripted(() => {
          throw new RpcException({ at: new Date(7), count: 1n });
        }),
        { both: { codec: 'v8' } },
      );
      expect((await outcomeOf(ends.caller.send('call', 1))).error).toEqual({ at: new Date(7), count: 1n });
    });
  });
}

// Both sides must write values in the same way.
for (const builder of BUILDERS) {
  describe(`different codecs on the two sides, over ${builder.name}`, () => {
    proveNothingIsLeft();

    test.each<[string, CodecName | UserCodec, CodecName | UserCodec, RegExp]>([
      ['json and v8', 'json', 'v8', /codec "(v8|json)".*"(v8|json)"/],
      ['v8 and json', 'v8', 'json', /codec "(v8|json)".*"(v8|json)"/],
      ["one's own and json", capitals, 'json', /codec "(json|capitals)".*"(json|capitals)"/],
    ])('%s: every call fails with VERSION_MISMATCH, which names both', async (_name, ours, theirs, text) => {
      const service = await startService(
        scripted(() => 1),
        { codec: theirs },
      );
      const client = startClient(service.url, { transports: [builder.name], codec: ours });
      const waiting = n2nErrorOf(client.send('echo', 1), 'VERSION_MISMATCH');
      const connecting = await client.connect().then(
        () => undefined,
        (error: unknown) => error,
      );
      const error = asN2NError(connecting, 'VERSION_MISMATCH');
      expect([error.retryable, error.message]).toEqual([false, expect.stringMatching(text)]);
      expect((await waiting).message).toMatch(text);
      // Nothing else would come of another attempt.
      expect(client.unwrap().reconnecting).toBe(false);
      expect(await service.log.line(/codec/)).toMatch(/^warn/);
    });
  });
}
