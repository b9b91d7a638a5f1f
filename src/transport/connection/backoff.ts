interface BackoffOptions {
  /** The delay before the first attempt, in milliseconds, before jitter. */
  readonly reconnectionDelay: number;
  /** Where the doubling stops, in milliseconds, before jitter. */
  readonly maxReconnectionDelay: number;
  /** How far jitter may move a delay, as a share of it: 0.5 is from half of it to half as much again. */
  readonly randomizationFactor: number;
}

/** 2^52 is past every delay a timer can hold; beyond it a large attempt would only reach Infinity. */
const MAX_DOUBLINGS = 52;

/**
 * How long to wait before a reconnection attempt:
 *
 *     base  = min(maxReconnectionDelay, max(reconnectionDelay, limit), reconnectionDelay * 2^(attempt - 1))
 *     delay = round(base * (1 - randomizationFactor + 2 * randomizationFactor * random))
 *
 * Jitter comes after the limit, so that clients which have all reached the limit still come back spread out, and not
 * all at once: a delay may pass `maxReconnectionDelay` by up to `randomizationFactor` of it.
 *
 * @param attempt counts from 1
 * @param random gives a number from 0 up to 1, as `Math.random` does; 0.5 is no jitter
 * @param limit how long may be waited at present, in milliseconds, before jitter; `reconnectionDelay` always may
 * @returns whole milliseconds
 */
export function backoffDelay(
  attempt: number,
  options: BackoffOptions,
  random: () => number,
  limit = Infinity,
): number {
  const { randomizationFactor } = options;
  const base = baseOf(attempt, options, limit);
  return Math.round(base * (1 - randomizationFactor + 2 * randomizationFactor * random()));
}

/** Whether the limit of the moment makes an attempt come earlier than it would, jitter aside. */
export function comesEarly(attempt: number, options: BackoffOptions, limit: number): boolean {
  return baseOf(attempt, options, limit) < baseOf(attempt, options, Infinity);
}

function baseOf(attempt: number, options: BackoffOptions, limit: number): number {
  const { reconnectionDelay, maxReconnectionDelay } = options;
  const doublings = Math.min(attempt - 1, MAX_DOUBLINGS);
  const longest = Math.min(maxReconnectionDelay, Math.max(reconnectionDelay, limit));
  return Math.min(longest, reconnectionDelay * 2 ** doublings);
}
