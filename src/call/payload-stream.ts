import { isObservable, type Observable } from 'rxjs';
import { pump, type StreamTarget } from '../rpc/streams/stream-target.js';

/** A payload that is sent as a stream. */
export type PayloadStream = AsyncIterable<unknown> | Observable<unknown>;

export function isPayloadStream(data: unknown): data is PayloadStream {
  return typeof data === 'object' && data !== null && (Symbol.asyncIterator in data || isObservable(data));
}

/** The payload if it is an iterable, which may hold a resource. An Observable holds none before its subscription. */
export function iterableIn(data: unknown): AsyncIterable<unknown> | undefined {
  return isPayloadStream(data) && !isObservable(data) ? data : undefined;
}

/**
 * Sends a stream as the payload of a call. A slow handler pauses an async iterable or a `Readable`. An Observable cannot
 * be paused: its values are queued, up to a limit.
 *
 * @param onReturnFailed gets errors of an iterable that is stopped, and of the teardown of an Observable
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
  // The teardown is application code, and may throw. It runs within `subscribe` if the Observable ends synchronously.
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
