import { describe, expect, it } from 'vitest';
import { backoffDelay } from '../../../src/transport/connection/backoff.js';

const defaults = { reconnectionDelay: 500, maxReconnectionDelay: 30_000, randomizationFactor: 0.5 };
const attempts = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

describe('backoffDelay', () => {
  it.each([
    ['no jitter', 0.5, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000, 30_000]],
    ['the least', 0, [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000, 15_000]],
    ['the most', 1, [750, 1500, 3000, 6000, 12_000, 24_000, 45_000, 45_000, 45_000, 45_000]],
    ['a quarter', 0.25, [375, 750, 1500, 3000, 6000, 12_000, 22_500, 22_500, 22_500, 22_500]],
  ])('doubles up to the limit, then moves by jitter: %s', (_name, random, expected) => {
    expect(attempts.map((attempt) => backoffDelay(attempt, defaults, () => random))).toEqual(expected);
  });

  it('asks for one random number a delay', () => {
    const randoms = [0, 1, 0.5];
    const delays = [1, 1, 1].map((attempt) => backoffDelay(attempt, defaults, () => randoms.shift() ?? NaN));
    expect(delays).toEqual([250, 750, 500]);
  });

  it('has no jitter when the factor is 0', () => {
    expect(backoffDelay(3, { ...defaults, randomizationFactor: 0 }, () => 0.9)).toBe(2000);
  });

  it('gives whole milliseconds', () => {
    expect(backoffDelay(1, { ...defaults, reconnectionDelay: 3 }, () => 0.3)).toBe(2);
  });

  it('stays at the limit however often it is asked', () => {
    expect(backoffDelay(5000, defaults, () => 0.5)).toBe(30_000);
  });

  it('is held by a limit below the first delay', () => {
    expect(backoffDelay(1, { ...defaults, maxReconnectionDelay: 100 }, () => 0.5)).toBe(100);
  });

  it.each([
    ['no jitter', 0.5, [500, 1000, 1600, 1600]],
    ['the least', 0, [250, 500, 800, 800]],
    ['the most', 1, [750, 1500, 2400, 2400]],
  ])('is held by the limit of the moment, before jitter: %s', (_name, random, expected) => {
    const delays = [1, 2, 3, 4].map((attempt) => backoffDelay(attempt, defaults, () => random, 1600));
    expect(delays).toEqual(expected);
  });

  it.each([499, 0, -1])('is no shorter than the first delay for a limit of the moment of %i', (limit) => {
    expect(backoffDelay(5, defaults, () => 0.5, limit)).toBe(500);
  });
});
