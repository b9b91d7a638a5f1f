import { runHook } from './hook.js';

/**
 * Wraps a callback of the application: its errors and rejections go to `onFailed` and do not end the process. Because of
 * `listener`, Node's emitters can remove the wrapper by the original callback.
 */
export function guardedCallback<Args extends unknown[]>(
  callback: (...args: Args) => unknown,
  onFailed: (error: unknown) => void,
): ((...args: Args) => void) & { listener: typeof callback } {
  const guarded = (...args: Args): void => {
    try {
      runHook(() => callback(...args), onFailed);
    } catch (error) {
      onFailed(error);
    }
  };
  return Object.assign(guarded, { listener: callback });
}
