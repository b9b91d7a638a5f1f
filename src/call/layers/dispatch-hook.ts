import type { Report } from '../caller.js';
import { runHook } from '../hook.js';
import type { Packet } from '../nest-packets/packet-format.js';
import type { CallLayer, CallRequest } from './call-layer.js';

/** Instrumentation of Nest 12: it may change the packet, such as by adding metadata. */
export type DispatchHook = (packet: Packet) => unknown;

/**
 * Runs the dispatch hook, if there is one. The call is made without an async hook that rejects.
 * @param hook the hook at present: Nest sets it after the client is made
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
