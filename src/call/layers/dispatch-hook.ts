import type { Report } from '../caller.js';
import { runHook } from '../hook.js';
import type { Packet } from '../nest-packets/packet-format.js';
import type { CallLayer, CallRequest } from './call-layer.js';

/** The instrumentation hook of Nest 12. It may change the packet, for example to add metadata. */
export type DispatchHook = (packet: Packet) => unknown;

/**
 * Runs the dispatch hook, if one is set. The call does not wait for an async hook, and is made even if that rejects.
 * @param hook returns the current hook: Nest sets it after the client is created
 */
export function runDispatchHook(
  hook: () => DispatchHook | undefined,
  report: Report,
): CallLayer<CallRequest> {
  return (next) => (request, sink) => {
    const run = hook();
    if (run === undefined) return next(request, sink);
    const packet = { ...request.packet };
    runHook(
      () => run(packet),
      (error) => report(`The dispatch hook failed for "${request.route}"`, error),
    );
    return next({ ...request, packet }, sink);
  };
}
