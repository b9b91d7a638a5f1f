/** What is told of a series of rounds: its middle, and how far it strayed. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** The value that a share `q` (0 to 1) of an ascending series does not exceed: nearest rank, never interpolated. */
export function quantile(ascending: ArrayLike<number>, q: number): number {
  if (!(q >= 0 && q <= 1)) throw new RangeError(`A quantile is between 0 and 1, not ${q}.`);
  const rank = Math.max(1, Math.ceil(q * ascending.length));
  return at(ascending, rank - 1);
}

/** The middle of a series in any order; of an even number of values, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const ascending = values.toSorted((a, b) => a - b);
  const middle = Math.floor(ascending.length / 2);
  const upper = at(ascending, middle);
  return ascending.length % 2 === 1 ? upper : (at(ascending, middle - 1) + upper) / 2;
}

export function summarize(values: readonly number[]): Summary {
  // Never Math.min of an empty list: it is Infinity, and would be printed as a result.
  if (values.length === 0) throw new RangeError('A series without a value has no summary.');
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/** Which way a metric is good. */
export type Better = 'higher' | 'lower';

/**
 * How many times better than the baseline each round was, above 1 being better whichever way the metric points.
 *
 * Round by round, because neighbours in time share the machine's mood: a slow second slows both and leaves their
 * ratio alone, while the ratio of two medians mixes a good minute of one with a bad minute of the other.
 */
export function ratioPerRound(
  values: readonly number[],
  baseline: readonly number[],
  better: Better = 'higher',
): number[] {
  if (values.length !== baseline.length) {
    throw new RangeError(`${values.length} rounds cannot be compared with ${baseline.length}.`);
  }
  return values.map((value, round) => {
    const other = at(baseline, round);
    if (!(value > 0 && other > 0)) throw new RangeError(`Round ${round + 1} has nothing to compare.`);
    return better === 'higher' ? value / other : other / value;
  });
}

function at(values: ArrayLike<number>, index: number): number {
  const value = values[index];
  if (value === undefined) throw new RangeError('The series is empty.');
  return value;
}
