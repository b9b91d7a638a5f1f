import { currentContext } from '../async-context.js';
import type { CallSink } from '../rpc/outgoing/outgoing-call.js';

/** RxJS's `Subscriber`, as far as it is told here. */
type Told = Pick<CallSink, 'complete' | 'error'> & { next(value: unknown): void };

/**
 * Tells a subscriber in the context in which it has subscribed. Answers are read in that of the socket, where an
 * `AsyncLocalStorage` of the application has nothing, or the contents of whoever dialed.
 */
export class ContextSink implements CallSink {
  private readonly context = currentContext();

  constructor(private readonly subscriber: Told) {}

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

// Functions of the module: a closure for each value is not needed then.
function tellNext(told: Told, value: unknown): void {
  told.next(value);
}

function tellEnd(told: Told): void {
  told.complete();
}

function tellError(told: Told, error: unknown): void {
  told.error(error);
}
