import { runHook } from '../../call/hook.js';
import { errorForCaller, type ReportError } from '../handlers/handler-error.js';
import type { Responder } from '../handlers/responder.js';
import { HookedResponder } from './hooked-responder.js';
import type { RoutedCall, ServingLayer } from './serving-layer.js';

/** Nest's instrumentation hooks; `undefined` if they are not set. */
export interface ProcessingHooks {
  start: ((transportId: symbol, context: unknown, done: () => Promise<unknown>) => void) | undefined;
  end: ((transportId: symbol, context: unknown) => void) | undefined;
}

/**
 * Runs the start hook, which runs the handler. Runs the end hook when the outcome is known, before it is passed on.
 * @param hooks read at each call: Nest sets them after the server is created
 */
export function runHooks(
  hooks: ProcessingHooks,
  transportId: symbol,
  report: ReportError,
): ServingLayer<RoutedCall> {
  return (next) => (routed, responder) => {
    const { start, end } = hooks;
    if (start === undefined && end === undefined) {
      next(routed, responder);
      return;
    }
    const { context } = routed;
    const onEnd = end && ((): void => runHook(() => end(transportId, context), report));
    // Called within the start hook, so that the end hook runs in its async context.
    const serve = (): void =>
      next(routed, onEnd === undefined ? responder : new HookedResponder(responder, onEnd, report));
    if (start === undefined) serve();
    else runStartHook((run) => start(transportId, context, run), serve, responder, report);
  };
}

/** A start hook that fails before it runs the handler fails the call. A later failure is only reported. */
function runStartHook(
  hook: (run: () => Promise<void>) => unknown,
  serve: () => void,
  responder: Responder,
  report: ReportError,
): void {
  let hasBegun = false;
  const run = async (): Promise<void> => {
    hasBegun = true;
    serve();
  };
  const onFailed = (error: unknown): void => {
    if (hasBegun) report(error);
    else responder.fail(errorForCaller(error, responder, report));
  };
  try {
    runHook(() => hook(run), onFailed);
  } catch (error) {
    onFailed(error);
  }
}
