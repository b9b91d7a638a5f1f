import { currentContext } from '../async-context.js';
import type { CallSink } from '../rpc/outgoing/outgoing-call.js';

/** The part of RxJS's `Subscriber` that is used here. */
type Target = Pick<CallSink, 'complete' | 'error'> & { next(value: unknown): void };

/**
 * Notifies a subscriber in the async context of its subscription. Answers are read in the context of the socket. There,
 * an `AsyncLocalStorage` of the application is empty, or has the store of the code that opened the connection.
 */
export class ContextSink implements CallSink {
  private readonly context = currentContext();

  constructor(private readonly subscriber: Target) {}

  next(value: unknown): void {
    this.context.runInAsyncScope(tellNext, undefined, this.subscriber, value);
  }

  complete(): void {
    this.context.runInAsyncScope(tellEnd, undefined, this.subscriber);
  }

  error(error: unknown): void {
    this.context.runInAsyncScope(tellError, undefined, this.subscriber, error);
  }
}

// Module-level functions: they avoid a closure for each value.
function tellNext(target: Target, value: unknown): void {
  target.next(value);
}

function tellEnd(target: Target): void {
  target.complete();
}

function tellError(target: Target, error: unknown): void {
  target.error(error);
}
