import type { MessageHandler } from '@nestjs/microservices';
import type { CallContent, IncomingCall } from '../../rpc/incoming/incoming-call.js';
import type { Responder } from '../handlers/responder.js';
import type { CallConnection, N2NContext } from '../n2n-context.js';

/** A call that is received from the other side. */
export interface ReceivedCall {
  readonly call: IncomingCall;
  /** The content of the call, or of its Nest packet if there is one. */
  readonly content: CallContent;
  readonly connection: CallConnection;
}

/** A call whose handler is known. */
export interface RoutedCall {
  readonly call: IncomingCall;
  readonly content: CallContent;
  readonly handler: MessageHandler;
  readonly context: N2NContext;
}

/** Serves a call. The responder gets the outcome, now or later. It does not throw. */
export type Serve<Request> = (request: Request, responder: Responder) => void;

/** Wraps the serving of calls. A `CallLayer` is the counterpart on the caller's side. */
export type ServingLayer<In, Out = In> = (next: Serve<Out>) => Serve<In>;
