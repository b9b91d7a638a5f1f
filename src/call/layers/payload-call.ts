import type { CallSink } from '../../rpc/outgoing/outgoing-call.js';
import { iteratorOf, letGo } from '../../rpc/streams/stream-iterator.js';
import type { MadeCall } from '../caller.js';

/**
 * A call whose payload comes out of an iterable, which may hold a file or a socket. Once the call has left, whoever sends
 * the payload also ends it; where it never leaves, nobody has begun to read it, and it is let go here.
 */
export class PayloadCall implements MadeCall, CallSink {
  readonly isPaced: boolean;
  private call: MadeCall | undefined = undefined;
  /** The payload, until somebody else sees to it. */
  private kept: AsyncIterable<unknown> | undefined;

  /** @param onReturnFailed told of errors of an iterable that is let go */
  constructor(
    payload: AsyncIterable<unknown>,
    private readonly sink: CallSink,
    private readonly onReturnFailed: (error: unknown) => void,
  ) {
    this.isPaced = sink.isPaced === true;
    this.kept = payload;
  }

  /** @param make makes the call, with this as its sink, and calls `onLeaves` once the payload is to be sent */
  start<Made extends MadeCall | undefined>(make: (sink: CallSink, onLeaves: () => void) => Made): this {
    try {
      this.call = make(this, () => {
        this.kept = undefined;
      });
    } catch (error) {
      this.drop();
      throw error;
    }
    return this;
  }

  hasWaiting(): boolean {
    return this.sink.hasWaiting?.() === true;
  }

  cancel(): void {
    this.call?.cancel();
    this.drop();
  }

  consumed(bytes: number): void {
    this.call?.consumed(bytes);
  }

  next(value: unknown, bytes: number): void {
    this.sink.next(value, bytes);
  }

  complete(): void {
    this.sink.complete();
  }

  error(error: unknown): void {
    this.drop();
    this.sink.error(error);
  }

  private drop(): void {
    const { kept } = this;
    this.kept = undefined;
    if (kept === undefined) return;
    try {
      void letGo(iteratorOf(kept), this.onReturnFailed);
    } catch (error) {
      this.onReturnFailed(error);
    }
  }
}
