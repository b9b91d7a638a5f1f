import { guardedCallback } from '../call/guarded-callback.js';

type Add = AbortSignal['addEventListener'];
type Remove = AbortSignal['removeEventListener'];
type Listener = Parameters<Add>[1];

/**
 * Has the errors of a signal's listeners go to `report`. Node rethrows them, and the rejections of async ones, where nobody
 * can catch them: a handler that fails to clean up would end the process of all others.
 */
export function guardListeners(signal: AbortSignal, report: (error: unknown) => void): void {
  // Each is wrapped once, so that the signal takes it once, and finds it again.
  const wrapped = new WeakMap<object, Listener>();
  const wrap = (listener: Listener | null): Listener => {
    // Node refuses or ignores it.
    if (listener === null) return listener as unknown as Listener;
    const known = wrapped.get(listener);
    if (known !== undefined) return known;
    const call = (event: Event): unknown =>
      typeof listener === 'function' ? listener.call(signal, event) : listener.handleEvent(event);
    const made = guardedCallback(call, report);
    wrapped.set(listener, made);
    return made;
  };
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  let onabort: AbortSignal['onabort'] = null;
  const callOnAbort = guardedCallback((event: Event): unknown => onabort?.call(signal, event), report);
  Object.defineProperties(signal, {
    addEventListener: {
      value: (...[type, listener, options]: Parameters<Add>) => add(type, wrap(listener), options),
    },
    removeEventListener: {
      value: (...[type, listener, options]: Parameters<Remove>) => remove(type, wrap(listener), options),
    },
    onabort: {
      get: () => onabort,
      set: (listener: AbortSignal['onabort']) => {
        onabort = listener;
        add('abort', callOnAbort);
      },
    },
  });
}
