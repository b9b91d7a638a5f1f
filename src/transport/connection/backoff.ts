interface BackoffOptions {
  /** The delay before the first attempt, in milliseconds, before jitter. */
  readonly reconnectionDelay: number;
  /** The upper limit of the delay, in milliseconds, before jitter. */
  readonly maxReconnectionDelay: number;
  /** The jitter as a share of the delay: with 0.5, a delay becomes 0.5 to 1.5 times as long. */
  readonly randomizationFactor: number;
}

/** 2^52 is more than any delay of a timer. Without this limit, a large attempt number would give Infinity. */
const MAX_DOUBLINGS = 52;

/**
 * How long to wait before a reconnection attempt:
 *
 *     base  = min(maxReconnectionDelay, max(reconnectionDelay, limit), reconnectionDelay * 2^(attempt - 1))
 *     delay = round(base * (1 - randomizationFactor + 2 * randomizationFactor * random))
 *
 * Jitter is applied after the limit, so that clients which have reached the limit do not reconnect together. A delay may
 * exceed `maxReconnectionDelay` by up to its share `randomizationFactor`.
 *
 * @param attempt counts from 1
 * @param random returns a number from 0 up to 1, like `Math.random`; 0.5 means no jitter
 * @param limit the current upper limit, in milliseconds, before jitter; it does not go below `reconnectionDelay`
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

/** Whether the current limit makes an attempt earlier than without it, before jitter. */
export function comesEarly(attempt: number, options: BackoffOptions, limit: number): boolean {
  return baseOf(attempt, options, limit) < baseOf(attempt, options, Infinity);
}

function baseOf(attempt: number, options: BackoffOptions, limit: number): number {
  const { reconnectionDelay, maxReconnectionDelay } = options;
  const doublings = Math.min(attempt - 1, MAX_DOUBLINGS);
  const longest = Math.min(maxReconnectionDelay, Math.max(reconnectionDelay, limit));
  return Math.min(longest, reconnectionDelay * 2 ** doublings);
}
