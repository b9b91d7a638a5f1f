import { EventEmitter } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { interval, of, Subject } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { encodeError } from '../../src/protocol/values/error-value.js';
import { jsonCodec, v8Codec } from '../../src/protocol/values/codec.js';
import { CodedValue, encodeValue } from '../../src/protocol/values/value.js';
import { n2nErrorThrown } from '../support/outcome.js';

class Listed {
  *[Symbol.iterator](): Generator<number> {
    yield 1;
  }
}

class Streamed {
  readonly name = 'values';
  async *[Symbol.asyncIterator](): AsyncGenerator<number> {
    yield 1;
  }
}

/** What neither codec can write, nor say a word about. */
const BY_NO_CODEC: readonly [string, () => unknown, RegExp][] = [
  ['a function', () => () => 1, /^A function at "data.items\[3\].tags" cannot be sent/],
  ['a symbol', () => Symbol('x'), /^A symbol at "data.items\[3\].tags"/],
  ['a Promise', () => Promise.resolve(1), /^A Promise at "data.items\[3\].tags".*await it/],
  [
    'an Observable',
    () => of(1),
    /^An Observable at "data.items\[3\].tags".*as the payload.*then it is a stream/,
  ],
  ['a piped Observable', () => interval(1), /^An Observable at "data.items\[3\].tags"/],
  ['a Subject', () => new Subject(), /^A Subject at "data.items\[3\].tags"/],
  ['a generator', () => [1].values(), /^An Array Iterator at "data.items\[3\].tags"/],
  [
    'a generator of a function',
    () => new Listed()[Symbol.iterator](),
    /^A Generator at "data.items\[3\].tags"/,
  ],
  ['an iterable without members', () => new Listed(), /^A Listed at "data.items\[3\].tags"/],
  [
    'an async generator',
    () => new Streamed()[Symbol.asyncIterator](),
    /^An AsyncGenerator at "data.items\[3\]/,
  ],
  ['an async iterable with members', () => new Streamed(), /^A Streamed at "data.items\[3\].tags"/],
  [
    'an async iterable of no class',
    () => ({ name: 'values', [Symbol.asyncIterator]: () => new Streamed()[Symbol.asyncIterator]() }),
    /^An async iterable at "data.items\[3\].tags"/,
  ],
  ['a Readable', () => Readable.from([1]), /^A Readable at "data.items\[3\].tags".*Collect its values/],
  ['a PassThrough', () => new PassThrough(), /^A PassThrough at "data.items\[3\].tags"/],
  ['a ReadableStream', () => new ReadableStream(), /^A ReadableStream at "data.items\[3\].tags"/],
  ['a WeakMap', () => new WeakMap(), /^A WeakMap at "data.items\[3\].tags".*nothing of it would arrive/],
  ['a WeakSet', () => new WeakSet(), /^A WeakSet at "data.items\[3\].tags"/],
  ['URLSearchParams', () => new URLSearchParams('a=1'), /^A URLSearchParams at "data.items\[3\].tags"/],
  ['Headers', () => new Headers({ a: '1' }), /^A Headers at "data.items\[3\].tags"/],
  ['an AbortSignal', () => AbortSignal.abort(), /^An AbortSignal at "data.items\[3\].tags"/],
  ['a Blob', () => new Blob(['x']), /^A Blob at "data.items\[3\].tags".*await blob.arrayBuffer/],
];

/** What JSON makes `{}` of, or a map of numbers, and Node's structured clone writes. */
const BY_V8_ALONE: readonly [string, () => unknown, RegExp][] = [
  ['a Map', () => new Map([[1, 2]]), /^A Map at "data.items\[3\].tags" cannot be written as JSON.*"v8"/],
  ['an empty Map', () => new Map(), /^A Map at/],
  ['a Map with a member', () => Object.assign(new Map([[1, 2]]), { name: 'm' }), /^A Map at/],
  ['a Set', () => new Set([1]), /^A Set at "data.items\[3\].tags".*"v8"/],
  ['a RegExp', () => /x/u, /^A RegExp at "data.items\[3\].tags".*"v8"/],
  ['an Error', () => new RangeError('x'), /^An Error at "data.items\[3\].tags".*"v8"/],
  ['an Int8Array', () => new Int8Array([-1]), /^An Int8Array at "data.items\[3\].tags".*"v8"/],
  ['a Float64Array', () => new Float64Array([1.5]), /^A Float64Array at "data.items\[3\].tags".*"v8"/],
  ['a BigUint64Array', () => new BigUint64Array(1), /^A BigUint64Array at "data.items\[3\].tags".*"v8"/],
];

const within = (value: unknown): unknown => ({ data: { items: [1, 2, null, { tags: value }], name: 'x' } });

describe('the json codec refuses, with the path and the remedy', () => {
  test.each([...BY_NO_CODEC, ...BY_V8_ALONE])('%s', (_name, make, message) => {
    expect(n2nErrorThrown(() => encodeValue(within(make())), 'NOT_SERIALIZABLE').message).toMatch(message);
    const besideBytes = { ...(within(make()) as object), bytes: Buffer.from('x') };
    expect(n2nErrorThrown(() => encodeValue(besideBytes), 'NOT_SERIALIZABLE').message).toMatch(message);
    // Alone, it has no path.
    expect(n2nErrorThrown(() => encodeValue(make()), 'NOT_SERIALIZABLE').message).not.toContain(' at "');
  });

  test('a view whose memory was transferred', () => {
    const view = new Uint8Array(8);
    const buffer = new ArrayBuffer(8);
    structuredClone(null, { transfer: [view.buffer, buffer] });
    for (const value of [view, buffer, { view }, { buffer }])
      expect(n2nErrorThrown(() => encodeValue(value), 'NOT_SERIALIZABLE').message).toMatch(/transferred/);
  });
});

describe('the v8 codec', () => {
  test.each(BY_NO_CODEC)('refuses %s, with its path', (_name, make, message) => {
    for (const value of [within(make()), within([new Map([[1, { a: 1 }]]), make()])]) {
      const error = n2nErrorThrown(() => v8Codec.encode(value), 'NOT_SERIALIZABLE');
      expect(error.message.replace('tags[1]', 'tags')).toMatch(message);
    }
  });

  test.each(BY_V8_ALONE)('writes %s', (_name, make) => {
    expect(v8Codec.encode(within(make()))).toBeInstanceOf(CodedValue);
  });

  test('refuses what stands within a Map or a Set', () => {
    const inMap = new Map([['tags', { list: [() => 1] }]]);
    expect(n2nErrorThrown(() => v8Codec.encode({ inMap }), 'NOT_SERIALIZABLE').message).toMatch(
      /^A function at "inMap.tags.list\[0\]"/,
    );
    n2nErrorThrown(() => v8Codec.encode(new Set([new URL('http://a/')])), 'NOT_SERIALIZABLE');
  });

  test('writes cycles, deep values, and what stands twice a thousand times', () => {
    const cycle: Record<string, unknown> = { at: new Date(0) };
    cycle['self'] = cycle;
    let diamond: unknown = 1;
    for (let depth = 0; depth < 1000; depth++) diamond = { left: diamond, right: diamond };
    for (const value of [cycle, diamond]) expect(v8Codec.encode(value)).toBeInstanceOf(CodedValue);
  });
});

describe('what JSON defines stays as it is over TCP', () => {
  class Point {
    readonly x = 1;
    readonly y?: number = undefined;
    length(): number {
      return this.x;
    }
  }
  class Money {
    readonly #cents = 5;
    toJSON(): unknown {
      return { cents: this.#cents };
    }
  }
  // oxlint-disable-next-line typescript/no-extraneous-class -- as a DTO without members
  class Empty {}
  class NotFound extends Error {
    readonly status = 404;
  }
  function Old(this: { x: number }): void {
    this.x = 1;
  }
  // As compilers to ES5 write methods: enumerable, and inherited.
  Old.prototype.method = (): number => 1;

  test.each<[string, unknown]>([
    ['undefined members', { a: undefined, b: Object.assign([1, undefined], { length: 4 }) }],
    ['NaN and infinities', [NaN, Infinity, -0]],
    ['a Date', { at: new Date(0), none: new Date(NaN) }],
    ['an instance of a class', { point: new Point() }],
    ['an instance of a class of old', { old: new (Old as unknown as new () => object)() }],
    ['an instance of an empty class', { nothing: new Empty() }],
    ['a toJSON of the class', { price: new Money() }],
    ['a toJSON of its own', { price: { toJSON: () => 5 } }],
    ['a toJSON of an iterable', { list: Object.assign(new Listed(), { toJSON: () => [1, 2] }) }],
    ['a URL', { url: new URL('http://a/') }],
    ['boxed primitives', [Object('text'), Object(1), Object(true)]],
    ['symbols as keys', { a: 1, [Symbol('hidden')]: () => 1 }],
    ['an Error with members', { error: Object.assign(new NotFound('x')) }],
    ['an object without a prototype', Object.assign(Object.create(null) as object, { a: 1 })],
    [
      'accessors',
      {
        get now() {
          return 5;
        },
      },
    ],
    ['inherited members', Object.create({ inherited: () => 1 }, { own: { value: 1, enumerable: true } })],
    [
      'an event emitter that nobody listens to',
      Object.assign(new EventEmitter(), { _events: {}, _maxListeners: 1 }),
    ],
  ])('%s', (_name, value) => {
    expect(encodeValue(value)).toBe(JSON.stringify(value));
  });
});

describe('of an error, more is let through', () => {
  const textOf = (error: unknown): unknown => encodeError(error, jsonCodec);

  test('an Error in it, and functions, as over TCP', () => {
    const error = { status: 'error', cause: new Error('inner'), retry: () => 1 };
    expect(textOf(error)).toEqual({ flags: 0, value: '{"status":"error","cause":{}}' });
    expect(textOf(new Error('x'))).toEqual({ flags: 0, value: '{}' });
  });

  test('but nothing that was meant as data', () => {
    expect(textOf({ seen: new Set([1]) })).toMatchObject({
      failure: {
        code: 'NOT_SERIALIZABLE',
        message: expect.stringMatching(/^The error cannot be sent. A Set at "seen"/),
      },
    });
  });
});
