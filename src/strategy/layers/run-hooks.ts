import { runHook } from '../../call/hook.js';
import { errorForCaller, type ReportError } from '../handlers/handler-error.js';
import type { Responder } from '../handlers/responder.js';
import { HookedResponder } from './hooked-responder.js';
import type { RoutedCall, ServingLayer } from './serving-layer.js';

/** Nest's hooks of instrumentation; `undefined` where nobody has set one. */
export interface ProcessingHooks {
  start: ((transportId: symbol, context: unknown, done: () => Promise<unknown>) => void) | undefined;
  end: ((transportId: symbol, context: unknown) => void) | undefined;
}

/**
 * Runs the start hook, which runs the handler, and the end hook once the outcome is known, before it is passed on.
 * @param hooks read at each call: Nest sets them after the server is made
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
    // Within the start hook: the end hook runs in its context.
    const serve = (): void =>
      next(routed, onEnd === undefined ? responder : new HookedResponder(responder, onEnd, report));
    if (start === undefined) serve();
    else runStartHook((run) => start(transportId, context, run), serve, responder, report);
  };
}

/** A start hook that fails before it has run the handler fails the call, and no other; afterwards the outcome is the handler's. */
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
