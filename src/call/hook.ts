import { isPromise } from './is-promise.js';

/**
 * Runs an instrumentation hook. A hook may be async, although Nest does not await it. `onRejected` gets its rejection,
 * which would otherwise be unhandled.
 * @throws an error that the hook throws synchronously
 */
export function runHook(hook: () => unknown, onRejected: (error: unknown) => void): void {
  const result = hook();
  if (isPromise(result)) result.then(undefined, onRejected);
}
