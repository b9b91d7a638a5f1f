import { describe, expect, it } from 'vitest';
import { median, quantile, ratioPerRound, summarize } from '../../bench/src/statistics.js';

describe('median', () => {
  it('is the middle one of an odd number, whatever the order', () => {
    expect(median([9, 1, 5])).toBe(5);
  });

  it('is the mean of the middle two of an even number', () => {
    expect(median([10, 1, 4, 2])).toBe(3);
  });

  it('orders by number, not by text', () => {
    expect(median([100, 9, 20])).toBe(20);
  });

  it('leaves the series as it was', () => {
    const series = [3, 1, 2];
    median(series);
    expect(series).toEqual([3, 1, 2]);
  });

  it('refuses an empty series', () => {
    expect(() => median([])).toThrow(RangeError);
  });
});

describe('quantile', () => {
  const tenToHundred = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100];

  it.each([
    [0, 10],
    [0.5, 50],
    [0.9, 90],
    [0.99, 100],
    [1, 100],
  ])('%d of ten values is %d', (q, expected) => {
    expect(quantile(tenToHundred, q)).toBe(expected);
  });

  it('reads typed arrays too', () => {
    expect(quantile(Float64Array.of(1, 2, 3), 0.5)).toBe(2);
  });

  it.each([-0.1, 1.1, Number.NaN])('refuses %d', (q) => {
    expect(() => quantile(tenToHundred, q)).toThrow(RangeError);
  });
});

describe('summarize', () => {
  it('gives the median and the spread', () => {
    expect(summarize([4, 1, 7])).toEqual({ median: 4, min: 1, max: 7 });
  });

  it('refuses an empty series rather than call it infinite', () => {
    expect(() => summarize([])).toThrow(RangeError);
  });
});

describe('ratioPerRound', () => {
  it('pairs the rounds', () => {
    expect(ratioPerRound([20, 90, 40], [10, 30, 80])).toEqual([2, 3, 0.5]);
  });

  it('is above 1 for less where less is better', () => {
    expect(ratioPerRound([5, 20], [10, 10], 'lower')).toEqual([2, 0.5]);
  });

  it('is not misled by a machine that slows down for a round, as the ratio of medians is', () => {
    const peer = [200, 20, 190, 19, 21];
    const baseline = [100, 10, 95, 95, 10.5];
    expect(median(ratioPerRound(peer, baseline))).toBe(2);
    expect(median(peer) / median(baseline)).toBeLessThan(0.25);
  });

  it('refuses series of different lengths', () => {
    expect(() => ratioPerRound([1, 2], [1])).toThrow('2 rounds cannot be compared with 1');
  });

  it('refuses a round in which nothing was measured', () => {
    expect(() => ratioPerRound([1, 2], [1, 0])).toThrow('Round 2');
  });
});
