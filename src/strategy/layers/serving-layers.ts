import type { MessageHandler, MsPattern } from '@nestjs/microservices';
import { isolatedContext } from '../../async-context.js';
import type { PacketFormat } from '../../call/nest-packets/packet-format.js';
import type { TakeCall } from '../handler-host.js';
import type { ReportError } from '../handlers/handler-error.js';
import { runHandler } from '../handlers/handler-run.js';
import { EventDeduplicator } from './event-deduplicator.js';
import { readPackets } from './read-packets.js';
import { routeToHandler } from './route-to-handler.js';
import { runHooks, type ProcessingHooks } from './run-hooks.js';
import type { ReceivedCall, RoutedCall, Serve, ServingLayer } from './serving-layer.js';

/** What the layers need of Nest's `Server`. */
export interface ServingOptions {
  readonly transportId: symbol;
  readonly packets: PacketFormat | undefined;
  readonly hooks: ProcessingHooks;
  readonly toRoute: (pattern: MsPattern) => string;
  readonly findHandler: (pattern: string) => MessageHandler | undefined;
  readonly report: ReportError;
  /** Told of an event that nobody handles. */
  readonly onLost: (message: string) => void;
}

/** The layers between a connection and a handler, the outermost first. */
export function composeServing(options: ServingOptions): TakeCall {
  const { transportId, packets, hooks, toRoute, findHandler, report, onLost } = options;
  const handle: Serve<RoutedCall> = ({ handler, content, context }, responder) =>
    runHandler(handler, content.data, context, responder, report);
  const routed = deduplicateEvents(new EventDeduplicator())(runHooks(hooks, transportId, report)(handle));
  const serve = readPackets(packets, toRoute, report)(routeToHandler(findHandler, onLost)(routed));
  return inOwnContext(serve);
}

/** Events with a key are handled once, however often they are sent. */
function deduplicateEvents(deduplicator: EventDeduplicator): ServingLayer<RoutedCall> {
  return (next) => (routed, responder) => {
    const { call, content } = routed;
    if (content.key === undefined) next(routed, responder);
    else deduplicator.take(content.key, call, (first) => next(routed, first));
  };
}

/** No call sees the `AsyncLocalStorage` of another, nor of whoever opened its connection. */
function inOwnContext(serve: Serve<ReceivedCall>): TakeCall {
  const begin: TakeCall = (call, connection) => serve({ call, content: call.content, connection }, call);
  return (call, connection) => isolatedContext().runInAsyncScope(begin, undefined, call, connection);
}
