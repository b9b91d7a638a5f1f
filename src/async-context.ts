import { AsyncResource } from 'node:async_hooks';

/** Without this option, each resource would be registered with the garbage collector. */
const OPTIONS = { requireManualDestroy: true } as const;

/** The context in which this module was loaded. It is usually the context of the program, and belongs to no call. */
const root = new AsyncResource('N2N', OPTIONS);

const newContext = (): AsyncResource => new AsyncResource('N2NCall', OPTIONS);

/**
 * Creates a new async context for the handlers of one call. The current context belongs to the code that has connected or
 * listened, or to another call. The new context cannot be shared: on Node 20, `enterWith` changes the current resource,
 * and the next call would see the change. It takes 50 ns.
 */
export function isolatedContext(): AsyncResource {
  return root.runInAsyncScope(newContext);
}

/** Captures the current context, for callbacks that run later. */
export function currentContext(): AsyncResource {
  return newContext();
}
