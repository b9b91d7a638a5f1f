import { describe, expect, it } from 'vitest';
import { Payloads, type Payload } from '../../bench/src/payload.js';

const copyOf = (payload: Payload): Payload => ({ ...payload });

describe('Payloads', () => {
  it.each([100, 10_240])('makes payloads of %d bytes, each with a number of its own', (bytes) => {
    const payloads = new Payloads(bytes);
    const some = Array.from({ length: 50 }, () => payloads.next());
    expect(new Set(some.map((payload) => Buffer.byteLength(JSON.stringify(payload))))).toEqual(
      new Set([bytes]),
    );
    expect(new Set(some.map(({ seq }) => seq)).size).toBe(some.length);
  });

  it('refuses a size that the fields alone exceed', () => {
    expect(() => new Payloads(10)).toThrow(RangeError);
  });

  it('knows an echo, and the echo of another call', () => {
    const payloads = new Payloads(100);
    const [mine, other] = [payloads.next(), payloads.next()];
    expect(payloads.isEcho(copyOf(mine), mine.seq)).toBe(true);
    expect(payloads.isEcho(copyOf(other), mine.seq)).toBe(false);
  });

  it.each([
    ['text', 'The quick brown fax'],
    ['user', 'eve@example.org'],
    ['active', false],
    ['seq', '1000001'],
  ])('sees a changed %s', (field, value) => {
    const payloads = new Payloads(100);
    const payload = payloads.next();
    expect(payloads.isEcho({ ...payload, [field]: value }, payload.seq)).toBe(false);
  });

  it.each([undefined, null, 'text', 7, [], {}])('takes %j for no echo', (answer) => {
    const payloads = new Payloads(100);
    expect(payloads.isEcho(answer, payloads.next().seq)).toBe(false);
  });

  it('sees an added field in one answer of 1024 at the latest', () => {
    const payloads = new Payloads(100);
    const accepted = Array.from({ length: 1024 }, () => payloads.next()).filter((payload) =>
      payloads.isEcho({ ...payload, added: 1 }, payload.seq),
    );
    expect(accepted).toHaveLength(1023);
  });
});
