import { isObservable, map, type Observable } from 'rxjs';
import { iteratorOf } from '../../rpc/streams/stream-iterator.js';

/**
 * The values of a stream, each through a function, which may throw: then so does the stream, and its source is let go.
 * An iterable is still held back by whoever takes its values.
 */
export function mapStream(
  values: AsyncIterable<unknown> | Observable<unknown>,
  project: (value: unknown) => unknown,
): AsyncIterable<unknown> | Observable<unknown> {
  return isObservable(values) ? values.pipe(map(project)) : new MappedIterable(values, project);
}

/** As an async generator, but `return` reaches the source at once, and not behind a value that is waited for. */
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

  /** Nobody reads the values before the first is asked for: until then, somebody else may end them. */
  private get source(): AsyncIterator<unknown> {
    return (this.iterator ??= iteratorOf(this.values));
  }
}
