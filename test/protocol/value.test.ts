import { describe, expect, test } from 'vitest';
import { ValueForm } from '../../src/protocol/frames/frame.js';
import { CodedValue, decodeValue, encodeValue } from '../../src/protocol/values/value.js';
import { n2nErrorThrown } from '../support/outcome.js';

function cycle(): object {
  const value: Record<string, unknown> = {};
  value['self'] = value;
  return value;
}

function thrower(): never {
  throw new RangeError('no luck');
}

function throwsOnce(): () => unknown {
  let times = 0;
  return () => (times++ === 0 ? thrower() : 1);
}

describe('what cannot be encoded', () => {
  test.each([
    ['a bigint', 1n, /^A BigInt cannot be written.*string.*"v8"/],
    ['a bigint inside', { deep: [0, 1n] }, /^A BigInt at "deep\[1\]"/],
    ['a bigint beside bytes', { bytes: Buffer.from('a'), big: 1n }, /^A BigInt at "big"/],
    ['a bigint that a toJSON gives', { at: { toJSON: () => [1n] } }, /^A BigInt at "at\[0\]"/],
    ['a cycle', cycle(), /back to itself at "self".*ids.*"v8"/],
    ['a cycle further in', [{ a: cycle() }], /back to itself at "\[0\].a.self"/],
    ['a cycle around bytes', Object.assign(cycle(), { bytes: Buffer.from('a') }), /back to itself at "self"/],
    ['a function', () => 1, /^A function cannot be sent; send data/],
    ['a toJSON that throws', { toJSON: thrower }, /^The toJSON\(\) threw: no luck/],
    [
      'a toJSON inside that throws',
      { a: [{ toJSON: thrower }] },
      /^The toJSON\(\) at "a\[0\]" threw: no luck/,
    ],
    ['a symbol', Symbol('x'), /symbol/],
    [
      'a getter that throws',
      {
        get broken(): never {
          throw new RangeError('no luck');
        },
      },
      /^What stands at "broken" cannot be read: no luck/,
    ],
    ['a toJSON that gives nothing', { toJSON: () => undefined }, /toJSON\(\) gives nothing cannot be sent/],
    ['what is only at fault once', { toJSON: throwsOnce() }, /^The value cannot be written as JSON: no luck/],
  ])('%s', (_name, value, message) => {
    expect(n2nErrorThrown(() => encodeValue(value), 'NOT_SERIALIZABLE').message).toMatch(message);
  });

  test('more pieces of bytes than can be counted', () => {
    const pieces = Array.from({ length: 65_536 }, () => Buffer.alloc(0));
    n2nErrorThrown(() => encodeValue(pieces), 'NOT_SERIALIZABLE');
    expect(encodeValue(pieces.slice(1))).toBeDefined();
  });

  test('nesting deeper than the stack', () => {
    let value: object = { bytes: Buffer.from('a') };
    for (let depth = 0; depth < 100_000; depth++) value = [value];
    expect(n2nErrorThrown(() => encodeValue(value), 'NOT_SERIALIZABLE').message).toMatch(/nested more than/);
  });

  test('what stands twice in a value is no cycle', () => {
    const shared = { a: 1 };
    const value = { first: shared, second: [shared], toJSON: (): unknown => ({ shared, big: 1n }) };
    expect(n2nErrorThrown(() => encodeValue(value), 'NOT_SERIALIZABLE').message).toMatch(
      /^A BigInt at "big"/,
    );
  });
});

describe('what JSON makes of values, N2N does too', () => {
  test.each([
    ['a Date', { at: new Date(0) }],
    ['undefined members', { a: undefined, b: [undefined] }],
    ['NaN and infinities', [NaN, Infinity, -0]],
    ['class instances', { url: new URL('http://a/') }],
  ])('%s', (_name, value) => {
    const text = JSON.stringify(value);
    expect(encodeValue(value)).toBe(text);
    // With bytes beside it the value takes another way, to the same result.
    const [around] = [encodeValue({ value, bytes: Buffer.from('x') })];
    if (typeof around !== 'object' || around instanceof Uint8Array || around instanceof CodedValue)
      throw new Error('no bytes seen');
    const body = Buffer.concat([around.head, ...around.pieces]);
    expect(decodeValue(ValueForm.ATTACHED_JSON, body, 0, body.length)).toEqual({
      value: JSON.parse(text) as unknown,
      bytes: Buffer.from('x'),
    });
  });

  test('bytes that are inherited are not sent', () => {
    const value = Object.create({ inherited: Buffer.from('x') }) as Record<string, unknown>;
    value['own'] = 1;
    expect(encodeValue(value)).toBe('{"own":1}');
  });
});

describe('what cannot be decoded', () => {
  test.each([
    ['JSON that is none, as ASCII', ValueForm.ASCII_JSON, '{'],
    ['JSON that is none, as UTF-8', ValueForm.UTF8_JSON, 'é'],
    ['no JSON', ValueForm.ASCII_JSON, ''],
    ['attachments without a head', ValueForm.ATTACHED_JSON, ''],
    ['a form that is none', 5, '1'],
    ['another form that is none', 7, '1'],
  ])('%s', (_name, form, text) => {
    const body = Buffer.from(text);
    n2nErrorThrown(() => decodeValue(form, body, 0, body.length), 'PROTOCOL_ERROR');
  });
});
