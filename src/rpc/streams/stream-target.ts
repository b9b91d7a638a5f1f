import { iteratorOf, letGo } from './stream-iterator.js';

/** The destination of a stream's values: the answer of an incoming call, or the payload of an outgoing one. */
export interface StreamTarget {
  /** Whether nobody wants more values: the stream must be stopped. */
  readonly isStopped: boolean;
  /** Whether a value leaves at once. Otherwise it waits, up to a limit. */
  readonly isReady: boolean;
  /** Calls back when `isReady` or `isStopped`. */
  whenReady(callback: () => void): void;
  next(value: unknown): void;
  complete(): void;
  fail(error: unknown): void;
  /** Registers a function that stops the source when nobody wants more values. */
  whenCancelled(stop: (reason: unknown) => void): void;
}

/** Sends the values of an async iterator to a target, at the target's pace, until the target is stopped. */
export async function pumpValues(
  values: AsyncIterator<unknown>,
  target: Pick<StreamTarget, 'isStopped' | 'isReady' | 'whenReady' | 'next'>,
): Promise<void> {
  while (!target.isStopped) {
    // oxlint-disable-next-line no-await-in-loop -- values come one after the other
    const { done, value } = await values.next();
    if (done === true) return;
    // A slow target holds back the source. It is asked only after `next`, because the end needs no credit.
    // oxlint-disable-next-line no-await-in-loop -- see above
    if (!target.isReady) await new Promise<void>((resolve) => target.whenReady(resolve));
    target.next(value);
  }
}

/**
 * Sends the values of an async iterable to a target, and then the end. When the target is stopped, `return` of the
 * iterator is called: that runs the `finally` blocks of a generator, and destroys a Node stream.
 *
 * @param toError converts an error of the iterable for the target
 * @param onReturnFailed gets errors of `return`, which nobody else can get
 */
export async function pump(
  values: AsyncIterable<unknown>,
  target: StreamTarget,
  toError: (error: unknown) => unknown,
  onReturnFailed: (error: unknown) => void,
): Promise<void> {
  try {
    const iterator = iteratorOf(values);
    // This ends the loop. A generator that waits for something ends only after that has come.
    target.whenCancelled(() => void letGo(iterator, onReturnFailed));
    await pumpValues(iterator, target);
    target.complete();
  } catch (error) {
    target.fail(toError(error));
  }
}
