import { isObservable, type Observable } from 'rxjs';
import { pump, type StreamTarget } from '../rpc/streams/stream-target.js';

/** What a payload may be, in place of a value, to travel as a stream. */
export type PayloadStream = AsyncIterable<unknown> | Observable<unknown>;

export function isPayloadStream(data: unknown): data is PayloadStream {
  return typeof data === 'object' && data !== null && (Symbol.asyncIterator in data || isObservable(data));
}

/** The payload, where it is a stream that may hold something which must be let go. An Observable holds nothing yet. */
export function iterableIn(data: unknown): AsyncIterable<unknown> | undefined {
  return isPayloadStream(data) && !isObservable(data) ? data : undefined;
}

/**
 * Sends a stream as the payload of a call. An async iterable, a `Readable` among them, is held back where the handler
 * is slow; an Observable cannot be, and its values wait, within bounds.
 *
 * @param onReturnFailed told of errors of an iterable, or of the teardown of an Observable, that nobody waits for any more
 */
export function sendPayload(
  data: PayloadStream,
  target: StreamTarget,
  onReturnFailed: (error: unknown) => void,
): void {
  if (!isObservable(data)) {
    void pump(data, target, (error) => error, onReturnFailed);
    return;
  }
  // Its teardown is code of a user, and may throw: here already where the Observable has ended at once.
  const attempt = (task: () => void): void => {
    try {
      task();
    } catch (error) {
      onReturnFailed(error);
    }
  };
  attempt(() => {
    const subscription = data.subscribe({
      next: (value) => target.next(value),
      error: (error: unknown) => target.fail(error),
      complete: () => target.complete(),
    });
    target.whenCancelled(() => attempt(() => subscription.unsubscribe()));
  });
}
