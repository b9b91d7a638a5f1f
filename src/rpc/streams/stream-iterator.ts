/** The members of a Node stream beside its values. Libraries have such streams, too. */
interface NodeStream extends AsyncIterable<unknown> {
  readonly destroyed: boolean;
  destroy(): unknown;
  once(event: 'error' | 'close', listener: (error?: unknown) => void): unknown;
}

export function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

/** The iterator of an iterable. Its `return` takes effect at once, also for a Node stream. */
export function iteratorOf(values: AsyncIterable<unknown>): AsyncIterator<unknown> {
  return isNodeStream(values) ? new StreamIterator(values) : values[Symbol.asyncIterator]();
}

/** Calls `return` of an iterator whose values nobody wants. @param onFailed gets errors of that */
export async function letGo(
  iterator: AsyncIterator<unknown>,
  onFailed: (error: unknown) => void,
): Promise<void> {
  try {
    await iterator.return?.();
  } catch (error) {
    onFailed(error);
  }
}

/** Ends an iterable that nobody has begun to read. It may hold a file or a socket. @param onFailed gets errors of that */
export function endUnread(values: AsyncIterable<unknown>, onFailed: (error: unknown) => void): void {
  try {
    void letGo(iteratorOf(values), onFailed);
  } catch (error) {
    onFailed(error);
  }
}

/**
 * The values of a Node stream. The stream's own iterator delays `return` until the next value, which may never come,
 * and ignores it before the first `next`: a file or a socket would stay open.
 */
class StreamIterator implements AsyncIterator<unknown, undefined> {
  private readonly source: AsyncIterator<unknown, undefined>;
  private isReturned = false;

  constructor(private readonly stream: NodeStream) {
    this.source = stream[Symbol.asyncIterator]();
  }

  async next(): Promise<IteratorResult<unknown, undefined>> {
    try {
      return await this.source.next();
    } catch (error) {
      // The error says that the stream was closed early, which the caller of `return` knows.
      if (this.isReturned) return { done: true, value: undefined };
      throw error;
    }
  }

  /** Rejects when closing the stream fails. */
  return(): Promise<IteratorResult<unknown, undefined>> {
    const { stream } = this;
    this.isReturned = true;
    return new Promise((resolve, reject) => {
      const done = (): void => resolve({ done: true, value: undefined });
      if (stream.destroyed) {
        done();
        return;
      }
      stream.once('error', reject);
      stream.once('close', done);
      stream.destroy();
    });
  }
}

function isNodeStream(values: AsyncIterable<unknown>): values is NodeStream {
  const { destroy, once } = values as Partial<NodeStream>;
  return typeof destroy === 'function' && typeof once === 'function';
}
