import type { Observable } from 'rxjs';
import { N2NError, type N2NErrorCode } from '../../src/n2n-error.js';
import { expect } from 'vitest';

/** All that a subscriber saw of an Observable. */
export interface Outcome {
  readonly values: unknown[];
  /** Present, also as `undefined`, if it ended with an error. */
  readonly error?: unknown;
}

/** Settles when the Observable has ended, in whichever way. */
export function outcomeOf(source: Observable<unknown>): Promise<Outcome> {
  return new Promise((resolve) => {
    const values: unknown[] = [];
    source.subscribe({
      next: (value) => values.push(value),
      error: (error: unknown) => resolve({ values, error }),
      complete: () => resolve({ values }),
    });
  });
}

/** The error that the Observable ends with, which must be an N2NError of this code. */
export async function n2nErrorOf(source: Observable<unknown>, code: N2NErrorCode): Promise<N2NError> {
  return asN2NError((await outcomeOf(source)).error, code);
}

export function asN2NError(error: unknown, code: N2NErrorCode): N2NError {
  if (!(error instanceof N2NError)) throw new TypeError(`expected an N2NError ${code}`, { cause: error });
  expect(error.code).toBe(code);
  return error;
}

/** What a function throws, which must be an N2NError of this code. */
export function n2nErrorThrown(act: () => unknown, code: N2NErrorCode): N2NError {
  try {
    act();
  } catch (error) {
    return asN2NError(error, code);
  }
  throw new Error(`nothing was thrown; expected an N2NError ${code}`);
}
