import type { MessageHandler, MsPattern } from '@nestjs/microservices';
import { isolatedContext } from '../../async-context.js';
import type { PacketFormat } from '../../call/nest-packets/packet-format.js';
import type { TakeCall } from '../handler-host.js';
import type { ReportError } from '../handlers/handler-error.js';
import { runHandler } from '../handlers/handler-run.js';
import type { EventDeduplicator } from './event-deduplicator.js';
import { readPackets } from './read-packets.js';
import { routeToHandler } from './route-to-handler.js';
import { runHooks, type ProcessingHooks } from './run-hooks.js';
import type { ReceivedCall, RoutedCall, Serve, ServingLayer } from './serving-layer.js';

/** The parts of `N2NServer` that the layers need. */
export interface ServingOptions {
  readonly transportId: symbol;
  readonly packets: PacketFormat | undefined;
  readonly deduplicator: EventDeduplicator;
  readonly hooks: ProcessingHooks;
  readonly toRoute: (pattern: MsPattern) => string;
  readonly findHandler: (pattern: string) => MessageHandler | undefined;
  readonly report: ReportError;
  /** Reports an event without a handler. */
  readonly onLost: (message: string) => void;
}

/** Composes the layers between a connection and a handler, the outermost first. */
export function composeServing(options: ServingOptions): TakeCall {
  const { transportId, packets, deduplicator, hooks, toRoute, findHandler, report, onLost } = options;
  const handle: Serve<RoutedCall> = ({ handler, content, context }, responder) =>
    runHandler(handler, content.data, context, responder, report);
  const routed = deduplicateEvents(deduplicator)(runHooks(hooks, transportId, report)(handle));
  const serve = readPackets(packets, toRoute, report)(routeToHandler(findHandler, onLost)(routed));
  return inOwnContext(serve);
}

/** Handles an event with a key once, even if it is sent several times. */
function deduplicateEvents(deduplicator: EventDeduplicator): ServingLayer<RoutedCall> {
  return (next) => (routed, responder) => {
    const { call, content } = routed;
    if (content.key === undefined) next(routed, responder);
    else deduplicator.take(content.key, call, (first) => next(routed, first));
  };
}

/** Isolates the `AsyncLocalStorage` of each call from other calls, and from the code that opened the connection. */
function inOwnContext(serve: Serve<ReceivedCall>): TakeCall {
  const begin: TakeCall = (call, connection) => serve({ call, content: call.content, connection }, call);
  return (call, connection) => isolatedContext().runInAsyncScope(begin, undefined, call, connection);
}
