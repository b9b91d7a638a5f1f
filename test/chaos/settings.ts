import { runSeed } from '../support/random.js';

/** Of this run: printed, and taken from `TEST_SEED` to see a failure again. */
export const SEED = runSeed();

/** How long the long form is to take, for all of its parts together, in minutes; the short one where it is not set. */
const MINUTES = Number(process.env['CHAOS_MINUTES'] ?? 0);

export const IS_LONG = MINUTES > 0;

/** The parts, with their shares of the long form, and their seconds in the short one. */
const PARTS = {
  cuts: { share: 0.4, seconds: 12 },
  losses: { share: 0.15, seconds: 6 },
  kills: { share: 0.2, seconds: 8 },
  stops: { share: 0.1, seconds: 0 },
  restarts: { share: 0.15, seconds: 4 },
} as const;

/** How long a part goes on, in milliseconds. What it has begun by then it ends. */
export function budgetOf(part: keyof typeof PARTS): number {
  const { share, seconds } = PARTS[part];
  return IS_LONG ? MINUTES * 60_000 * share : seconds * 1000;
}

/** How long a test of a part may take. */
export function timeoutOf(part: keyof typeof PARTS): number {
  return budgetOf(part) * 2 + 90_000;
}
