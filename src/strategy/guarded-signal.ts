import { guardedCallback } from '../call/guarded-callback.js';

type Add = AbortSignal['addEventListener'];
type Remove = AbortSignal['removeEventListener'];
type Listener = Parameters<Add>[1];

/**
 * Passes the errors and rejections of a signal's listeners to `report`. Node would rethrow them as uncaught exceptions: a
 * handler with a failing cleanup would end the process.
 */
export function guardListeners(signal: AbortSignal, report: (error: unknown) => void): void {
  // Each listener has one wrapper, so that the signal adds it once, and can remove it.
  const wrapped = new WeakMap<object, Listener>();
  const wrap = (listener: Listener | null): Listener => {
    // Node rejects or ignores null.
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
