import { describe, expect, test } from 'vitest';
import { ValueForm } from '../../src/protocol/frames/frame.js';
import { isInteger32, MAX_INTEGER_BYTES, writeInteger } from '../../src/protocol/values/integer.js';
import { decodeValue } from '../../src/protocol/values/value.js';
import { n2nErrorThrown } from '../support/outcome.js';
import { runSeed, seededRandom } from '../support/random.js';

function written(value: number): string {
  const bytes = Buffer.alloc(MAX_INTEGER_BYTES + 2, '.');
  const length = writeInteger(bytes, 1, value);
  expect([bytes[0], bytes.toString('latin1', 1 + length).replaceAll('.', '')]).toEqual([0x2e, '']);
  return bytes.toString('latin1', 1, 1 + length);
}

function read(text: string): unknown {
  // Text stands around it that must not be read.
  const bytes = Buffer.from(`7${text}7`);
  return decodeValue(ValueForm.ASCII_JSON, bytes, 1, bytes.length - 1);
}

const POWERS = Array.from({ length: 10 }, (_, power) => 10 ** power);
const EDGES = [0, -0, 2 ** 31 - 1, -(2 ** 31), ...POWERS.flatMap((power) => [power - 1, power, power + 1])];

test('whole numbers of 32 bits are written as JSON writes them, and read back', () => {
  const random = seededRandom(runSeed());
  const values = [...EDGES, ...EDGES.map((edge) => -edge)];
  for (let count = 0; count < 10_000; count++) values.push(((random() - 0.5) * 2 ** 32) >> (random() * 31));
  for (const value of values.filter(isInteger32)) {
    expect(written(value)).toBe(JSON.stringify(value));
    expect(read(JSON.stringify(value))).toBe(value + 0);
  }
});

test('other numbers are not taken for such', () => {
  for (const value of [0.5, 2 ** 31, -(2 ** 31) - 1, 1e21, NaN, Infinity])
    expect(isInteger32(value)).toBe(false);
});

describe('text is read as JSON.parse reads it', () => {
  test.each([
    '0',
    '-0',
    '7',
    '-7',
    '123456789',
    '-123456789',
    '1234567890',
    '99999999999999999999',
    '1.5',
    '1e3',
    ' 1',
    '1 ',
  ])('"%s"', (text) => expect(read(text)).toBe(JSON.parse(text)));

  test.each(['', '-', '00', '01', '-01', '-00', '+1', '--1', '1-', '12a', '1:', '1/', '0x1', '1_0'])(
    '"%s" is no JSON',
    (text) => void n2nErrorThrown(() => read(text), 'PROTOCOL_ERROR'),
  );
});
