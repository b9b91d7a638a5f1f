/** What a Node stream has beside its values, be it of Node or of a library. */
interface NodeStream extends AsyncIterable<unknown> {
  readonly destroyed: boolean;
  destroy(): unknown;
  once(event: 'error' | 'close', listener: (error?: unknown) => void): unknown;
}

/** The iterator of an iterable, whose `return` is heard at once also where that is a Node stream. */
export function iteratorOf(values: AsyncIterable<unknown>): AsyncIterator<unknown> {
  return isNodeStream(values) ? new StreamIterator(values) : values[Symbol.asyncIterator]();
}

/** Returns an iterator whose values are not wanted any more. @param onFailed told of errors in that */
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

/**
 * The values of a Node stream. Its own iterator lets `return` wait behind a value that may never come, and does nothing
 * when no value was asked for yet: a file or a socket would stay open.
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
      // That it was closed too early is no news to whoever has closed it.
      if (this.isReturned) return { done: true, value: undefined };
      throw error;
    }
  }

  /** Rejects where the stream cannot be closed in order. */
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
