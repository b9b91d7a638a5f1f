import { StreamReader } from '../rpc/streams/stream-reader.js';
import type { CallSink } from '../rpc/outgoing/outgoing-call.js';
import type { MadeCall } from './caller.js';

/**
 * The answers of one call as an async iterable. The call is made when the first value is requested. The handler is
 * paused while the consumer takes no values. `break` in a `for await` cancels the call.
 */
export class CallStream<T> implements AsyncIterableIterator<T, undefined> {
  private reader: StreamReader | undefined;

  /** @param make makes the call */
  constructor(private readonly make: (sink: CallSink) => MadeCall | undefined) {}

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    this.reader ??= this.open();
    return this.reader.next() as Promise<IteratorResult<T, undefined>>;
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.reader ??= new StreamReader({ onConsumed: () => {}, onReturn: () => {} });
    return this.reader.return() as Promise<IteratorResult<T, undefined>>;
  }

  private open(): StreamReader {
    const reader = new StreamReader({
      onConsumed: (bytes) => call?.consumed(bytes),
      onReturn: () => call?.cancel(),
    });
    let call: MadeCall | undefined;
    try {
      call = this.make({
        isPaced: true,
        hasWaiting: () => reader.hasWaiting,
        next: (value, bytes) => reader.push(value, bytes),
        complete: () => reader.end(),
        error: (error) => reader.fail(error),
      });
    } catch (error) {
      reader.fail(error);
    }
    return reader;
  }
}
