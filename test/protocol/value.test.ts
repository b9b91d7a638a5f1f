import { describe, expect, test } from 'vitest';
import { ValueForm } from '../../src/protocol/frame.js';
import { CodedValue, decodeValue, encodeValue } from '../../src/protocol/value.js';
import { n2nErrorThrown } from '../support/outcome.js';

function cycle(): object {
  const value: Record<string, unknown> = {};
  value['self'] = value;
  return value;
}

describe('what cannot be encoded', () => {
  test.each([
    ['a bigint', 1n, /BigInt/],
    ['a bigint inside', { deep: [1n] }, /BigInt/],
    ['a bigint beside bytes', { bytes: Buffer.from('a'), big: 1n }, /BigInt/],
    ['a cycle', cycle(), /JSON/],
    ['a cycle around bytes', Object.assign(cycle(), { bytes: Buffer.from('a') }), /JSON/],
    ['a function', () => 1, /function/],
    ['a symbol', Symbol('x'), /symbol/],
    [
      'a getter that throws',
      {
        get broken(): never {
          throw new RangeError('no luck');
        },
      },
      /no luck/,
    ],
    ['a toJSON that gives nothing', { toJSON: () => undefined }, /cannot be sent/],
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
    n2nErrorThrown(() => encodeValue(value), 'NOT_SERIALIZABLE');
  });
});

describe('what JSON makes of values, N2N does too', () => {
  test.each([
    ['a Date', { at: new Date(0) }],
    ['undefined members', { a: undefined, b: [undefined] }],
    ['NaN and infinities', [NaN, Infinity, -0]],
    ['a Map', { map: new Map([[1, 2]]) }],
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
