import { Fifo } from '../../protocol/buffers/fifo.js';

/** What a reader tells its source. */
interface StreamReaderEvents {
  /** The consumer has taken a value. */
  onConsumed(bytes: number): void;
  /** The consumer wants no more values, before the end of the stream. */
  onReturn(): void;
}

interface ReceivedValue {
  readonly value: unknown;
  readonly bytes: number;
}

interface Waiting {
  resolve(result: IteratorResult<unknown, undefined>): void;
  reject(error: unknown): void;
}

/**
 * - `open`: more values may come
 * - `ended`, `failed`: no more values come. The consumer still gets those that came, then the end, or the error once
 * - `returned`: the consumer wants no more values
 */
type State =
  | { readonly is: 'open' }
  | { readonly is: 'ended' }
  | { readonly is: 'failed'; readonly error: unknown }
  | { readonly is: 'returned' };

/**
 * The values of a stream, for one consumer that takes them at its own pace. It is an async iterable with back-pressure:
 * the other side sends only as much as is granted, and consumed values are granted again.
 */
export class StreamReader implements AsyncIterableIterator<unknown, undefined> {
  private readonly values = new Fifo<ReceivedValue>();
  private readonly waiting = new Fifo<Waiting>();
  private state: State = { is: 'open' };

  constructor(private readonly events: StreamReaderEvents) {}

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    const entry = this.values.shift();
    if (entry !== undefined) {
      this.events.onConsumed(entry.bytes);
      return Promise.resolve({ done: false, value: entry.value });
    }
    switch (this.state.is) {
      case 'open':
        return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
      case 'failed': {
        const { error } = this.state;
        this.state = { is: 'ended' };
        return Promise.reject(error);
      }
      case 'ended':
      case 'returned':
        return Promise.resolve({ done: true, value: undefined });
      default:
        return this.state satisfies never;
    }
  }

  /** Called by `for await` on `break`, and by a consumer that wants no more values. */
  return(): Promise<IteratorResult<unknown, undefined>> {
    const wasOpen = this.state.is === 'open';
    this.state = { is: 'returned' };
    this.values.clear();
    this.settleWaiting((waiting) => waiting.resolve({ done: true, value: undefined }));
    if (wasOpen) this.events.onReturn();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Whether there are values that the consumer has not taken. */
  get hasWaiting(): boolean {
    return this.values.size > 0;
  }

  push(value: unknown, bytes: number): void {
    if (this.state.is !== 'open') return;
    const waiting = this.waiting.shift();
    if (waiting === undefined) {
      this.values.push({ value, bytes });
    } else {
      this.events.onConsumed(bytes);
      waiting.resolve({ done: false, value });
    }
  }

  end(): void {
    if (this.state.is !== 'open') return;
    this.state = { is: 'ended' };
    this.settleWaiting((waiting) => waiting.resolve({ done: true, value: undefined }));
  }

  fail(error: unknown): void {
    if (this.state.is !== 'open') return;
    const first = this.waiting.shift();
    if (first === undefined) {
      this.state = { is: 'failed', error };
    } else {
      this.state = { is: 'ended' };
      first.reject(error);
      this.settleWaiting((waiting) => waiting.resolve({ done: true, value: undefined }));
    }
  }

  private settleWaiting(settle: (waiting: Waiting) => void): void {
    for (let one = this.waiting.shift(); one !== undefined; one = this.waiting.shift()) settle(one);
  }
}
