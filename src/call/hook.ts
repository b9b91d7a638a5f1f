import { isPromise } from './is-promise.js';

/**
 * Runs a hook of instrumentation. Nest does not wait for one, and it may be async all the same: then its rejection has
 * nobody else to go to.
 * @throws what the hook throws at once
 */
export function runHook(hook: () => unknown, onRejected: (error: unknown) => void): void {
  const result = hook();
  if (isPromise(result)) result.then(undefined, onRejected);
}
