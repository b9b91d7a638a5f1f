/** Where the values of a stream go: the answers of a handler, or the payload of a call. */
export interface StreamTarget {
  /** Whether nobody wants values any more: the stream is to be stopped. */
  readonly isStopped: boolean;
  /** Whether a value that is given now leaves now. One that is not waits, within bounds. */
  readonly isReady: boolean;
  /** Calls back when `isReady` or `isStopped`. There is one such wait at a time. */
  whenReady(callback: () => void): void;
  next(value: unknown): void;
  complete(): void;
  fail(error: unknown): void;
  /** Registers what stops the source, when nobody wants values any more. */
  whenCancelled(stop: (reason: unknown) => void): void;
}

/**
 * Moves the values of an async iterable to a target, at the target's pace. An iterable that is not wanted any more is
 * returned, which runs the `finally` blocks of a generator.
 *
 * @param onReturnFailed told of errors in such `finally` blocks, which have nobody else to go to
 */
export async function pumpValues(
  values: AsyncIterable<unknown>,
  target: StreamTarget,
  onReturnFailed: (error: unknown) => void,
): Promise<void> {
  const iterator = values[Symbol.asyncIterator]();
  // Ends the loop below. A generator that waits for something hears of it when that has come, not before.
  target.whenCancelled(() => void Promise.resolve(iterator.return?.()).catch(onReturnFailed));
  while (!target.isStopped) {
    // oxlint-disable-next-line no-await-in-loop -- values come one after the other
    const { done, value } = await iterator.next();
    if (done === true) return;
    // A slow target holds back the source. It is asked only now, since the end needs no credit.
    // oxlint-disable-next-line no-await-in-loop -- see above
    if (!target.isReady) await new Promise<void>((resolve) => target.whenReady(resolve));
    target.next(value);
  }
}

/** As `pumpValues`, and then the end. @param toError what the target is told of an error of the iterable */
export async function pump(
  values: AsyncIterable<unknown>,
  target: StreamTarget,
  toError: (error: unknown) => unknown,
  onReturnFailed: (error: unknown) => void,
): Promise<void> {
  try {
    await pumpValues(values, target, onReturnFailed);
    target.complete();
  } catch (error) {
    target.fail(toError(error));
  }
}
