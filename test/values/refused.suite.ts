import { RpcException } from '@nestjs/microservices';
import { from, lastValueFrom, of } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { N2NRecordBuilder } from '../../src/index.js';
import { proveNothingIsLeft } from '../support/harness.js';
import { watchWhatIsKept } from '../support/kept.js';
import { n2nErrorOf, outcomeOf } from '../support/outcome.js';
import { scripted } from '../support/scripted.js';
import type { Way } from '../support/ways.js';

const within = (tags: unknown): unknown => ({ data: { items: [{ tags }] } });

const REFUSED: Record<string, () => unknown> = {
  'a Map': () => within(new Map([['a', 1]])),
  'typed numbers': () => within(new Float32Array(2)),
  'an Observable': () => within(of(1)),
  'a function': () => within(() => 1),
};

/** What each of them is, the value at fault, and where. */
const PLACE = /(A Map|A Float32Array|An Observable|A function) at "data\.items\[0\]\.tags"/;

async function* valuesOf(name: string): AsyncGenerator {
  yield 1;
  yield REFUSED[name]?.();
  yield 2;
}

const ANSWERS: Record<string, (name: string) => unknown> = {
  answer: (name) => REFUSED[name]?.(),
  'promise of an answer': async (name) => REFUSED[name]?.(),
  'value of an Observable': (name) => from([1, REFUSED[name]?.(), 2]),
  'value of a generator': valuesOf,
};

/** A value that would change on the way is refused wherever it stands, and its sender is told. */
export function describeRefusedValues(way: Way): void {
  describe(`values that would change on the way, ${way.name}`, () => {
    proveNothingIsLeft();

    test.each(Object.keys(REFUSED))('%s, in what the caller sends', async (name) => {
      const ends = await way.start(scripted((data: AsyncIterable<unknown>) => from(data)));
      const { caller } = ends;
      const nothingIsKept = watchWhatIsKept(ends);
      const whole = await n2nErrorOf(caller.send('echo', REFUSED[name]?.()), 'NOT_SERIALIZABLE');
      expect(whole.message).toMatch(new RegExp(`^The payload of "echo" cannot be sent. ${PLACE.source}`));
      const event = await n2nErrorOf(caller.emit('event', REFUSED[name]?.()), 'NOT_SERIALIZABLE');
      expect(event.message).toMatch(PLACE);
      const streamed = await n2nErrorOf(caller.send('call', valuesOf(name)), 'NOT_SERIALIZABLE');
      expect(streamed.message).toMatch(/^A value of the payload of "call" cannot be sent/);
      expect(streamed.message).toMatch(PLACE);
      const headers = { tenant: REFUSED[name]?.() } as unknown as Record<string, string>;
      const record = new N2NRecordBuilder(1).setHeaders(headers).build();
      const front = await n2nErrorOf(caller.send('echo', record), 'NOT_SERIALIZABLE');
      expect(front.message).toMatch(/"headers\.tenant\.data\.items\[0\]\.tags"/);
      expect(await lastValueFrom(caller.send('echo', 1))).toBe(1);
      await nothingIsKept();
    });

    test.each(Object.keys(ANSWERS))('an %s, which its own service logs, too', async (kind) => {
      const ends = await way.start(scripted((name: string) => ANSWERS[kind]?.(name)));
      const nothingIsKept = watchWhatIsKept(ends);
      for (const name of Object.keys(REFUSED)) {
        const error = await n2nErrorOf(ends.caller.send('call', name), 'NOT_SERIALIZABLE');
        expect(error.message).toMatch(new RegExp(`^The answer to "call" cannot be sent. ${PLACE.source}`));
      }
      const lines = ends.log.lines.filter((line) => line.includes('The answer to "call" cannot be sent.'));
      expect(lines).toHaveLength(Object.keys(REFUSED).length);
      for (const line of lines) expect(line).toMatch(/^error/);
      expect(await lastValueFrom(ends.caller.send('echo', 1))).toBe(1);
      await nothingIsKept();
    });

    test('an error, which its own service logs, too', async () => {
      const ends = await way.start(
        scripted((isWritable: boolean) => {
          throw new RpcException({
            code: 7,
            cause: new Error('inner'),
            ...(isWritable ? {} : { seen: new Set() }),
          });
        }),
      );
      // As over TCP: what else could the caller be told?
      expect((await outcomeOf(ends.caller.send('call', true))).error).toEqual({ code: 7, cause: {} });
      const error = await n2nErrorOf(ends.caller.send('call', false), 'NOT_SERIALIZABLE');
      expect(error.message).toMatch(/^The error cannot be sent. A Set at "seen"/);
      expect(await ends.log.line(/error of "call".*A Set at "seen"/)).toMatch(/^error/);
    });

    test('an answer that is too long is logged on its own side, too', async () => {
      const ends = await way.start(
        scripted(() => 'x'.repeat(2000)),
        { both: { maxPayload: 1024 } },
      );
      await n2nErrorOf(ends.caller.send('call', 1), 'PAYLOAD_TOO_LARGE');
      expect(await ends.log.line(/The answer to "call" cannot be sent. The value has 2002 bytes/)).toMatch(
        /^error/,
      );
    });
  });

  describe(`values that are bytes, ${way.name}`, () => {
    proveNothingIsLeft();

    test.each<[string, (bytes: Buffer) => unknown]>([
      ['an ArrayBuffer', (bytes) => Uint8Array.from(bytes).buffer],
      [
        'a SharedArrayBuffer',
        (bytes) => {
          const shared = new SharedArrayBuffer(bytes.length);
          new Uint8Array(shared).set(bytes);
          return shared;
        },
      ],
      ['a DataView', (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)],
      ['a Uint8ClampedArray', (bytes) => new Uint8ClampedArray(bytes)],
      ['a Uint8Array', (bytes) => new Uint8Array(bytes)],
    ])('%s arrives as a Buffer, alone and within a value, short, long and empty', async (_name, make) => {
      const made = new Map<number, unknown>();
      const { caller } = await way.start(
        scripted(({ length }: { length: number }) => [{ a: made.get(length) }]),
      );
      for (const length of [0, 3, 200_000]) {
        const bytes = Buffer.alloc(length, 'abcdefg');
        made.set(length, make(bytes));
        const alone = await lastValueFrom(caller.send<Buffer>('echo', make(bytes)));
        const [inside] = await lastValueFrom(
          caller.send<[{ a: Buffer }]>('call', { length, bytes: make(bytes) }),
        );
        // `toEqual` of long buffers takes long.
        for (const arrived of [alone, inside.a])
          expect(Buffer.isBuffer(arrived) && arrived.equals(bytes)).toBe(true);
      }
    });
  });

  describe(`streams within a value, with the codec v8, ${way.name}`, () => {
    proveNothingIsLeft();

    test.each(['an Observable', 'a function'])('%s is refused with its path', async (name) => {
      const { caller } = await way.start(
        scripted((given: string) => ANSWERS['answer']?.(given)),
        { both: { codec: 'v8' } },
      );
      expect((await n2nErrorOf(caller.send('echo', REFUSED[name]?.()), 'NOT_SERIALIZABLE')).message).toMatch(
        PLACE,
      );
      expect((await n2nErrorOf(caller.send('call', name), 'NOT_SERIALIZABLE')).message).toMatch(PLACE);
    });
  });
}
