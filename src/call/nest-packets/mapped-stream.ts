import { isObservable, map, type Observable } from 'rxjs';
import { iteratorOf } from '../../rpc/streams/stream-iterator.js';

/**
 * Maps each value of a stream. If the function throws, the stream errors and its source is ended. The result of an
 * async iterable keeps its backpressure.
 */
export function mapStream(
  values: AsyncIterable<unknown> | Observable<unknown>,
  project: (value: unknown) => unknown,
): AsyncIterable<unknown> | Observable<unknown> {
  return isObservable(values) ? values.pipe(map(project)) : new MappedIterable(values, project);
}

/** Like an async generator, but `return` ends the source immediately, even while a value is pending. */
export class MappedIterable implements AsyncIterableIterator<unknown, undefined> {
  private iterator: AsyncIterator<unknown> | undefined = undefined;

  constructor(
    private readonly values: AsyncIterable<unknown>,
    private readonly project: (value: unknown) => unknown,
  ) {}

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<unknown, undefined>> {
    const { done, value } = await this.source.next();
    if (done === true) return { done, value: undefined };
    try {
      return { done: false, value: await this.project(value) };
    } catch (error) {
      await this.source.return?.();
      throw error;
    }
  }

  async return(): Promise<IteratorResult<unknown, undefined>> {
    await this.source.return?.();
    return { done: true, value: undefined };
  }

  /** The iterator is created with the first request. Until then, other code may end the iterable. */
  private get source(): AsyncIterator<unknown> {
    return (this.iterator ??= iteratorOf(this.values));
  }
}
