import { isPromise } from './is-promise.js';

/**
 * A callback of a user whose errors, at once or of its promise, go to `onFailed` in place of the process. Node's emitters
 * take it off again by the callback itself.
 */
export function guardedCallback<Args extends unknown[]>(
  callback: (...args: Args) => unknown,
  onFailed: (error: unknown) => void,
): ((...args: Args) => void) & { listener: typeof callback } {
  const guarded = (...args: Args): void => {
    try {
      const result = callback(...args);
      if (isPromise(result)) result.then(undefined, onFailed);
    } catch (error) {
      onFailed(error);
    }
  };
  return Object.assign(guarded, { listener: callback });
}
