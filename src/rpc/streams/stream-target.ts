import { iteratorOf, letGo } from './stream-iterator.js';

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

/** Moves the values of an async iterable to a target, at the target's pace, until the target is stopped. */
export async function pumpValues(
  values: AsyncIterator<unknown>,
  target: Pick<StreamTarget, 'isStopped' | 'isReady' | 'whenReady' | 'next'>,
): Promise<void> {
  while (!target.isStopped) {
    // oxlint-disable-next-line no-await-in-loop -- values come one after the other
    const { done, value } = await values.next();
    if (done === true) return;
    // A slow target holds back the source. It is asked only now, since the end needs no credit.
    // oxlint-disable-next-line no-await-in-loop -- see above
    if (!target.isReady) await new Promise<void>((resolve) => target.whenReady(resolve));
    target.next(value);
  }
}

/**
 * Moves the values of an async iterable to a target, and then the end. An iterable that is not wanted any more is
 * returned, which runs the `finally` blocks of a generator, and destroys a Node stream.
 *
 * @param toError what the target is told of an error of the iterable
 * @param onReturnFailed told of errors of one that is returned, which have nobody else to go to
 */
export async function pump(
  values: AsyncIterable<unknown>,
  target: StreamTarget,
  toError: (error: unknown) => unknown,
  onReturnFailed: (error: unknown) => void,
): Promise<void> {
  try {
    const iterator = iteratorOf(values);
    // Ends the loop. A generator that waits for something hears of it when that has come, not before.
    target.whenCancelled(() => void letGo(iterator, onReturnFailed));
    await pumpValues(iterator, target);
    target.complete();
  } catch (error) {
    target.fail(toError(error));
  }
}
