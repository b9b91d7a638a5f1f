import { N2NError } from '../../n2n-error.js';
import type { CallSink } from '../../rpc/outgoing/outgoing-call.js';
import { bind, unbind, type Linked } from './signal-links.js';
import type { MadeCall } from '../caller.js';

/**
 * A call that is cancelled by a signal: that of the call that it is made for, or one of the user. Once it is over it
 * leaves the signal, which may live as long as the application and have many calls made for it.
 */
export class LinkedCall implements MadeCall, CallSink, Linked {
  readonly isPaced: boolean;
  private call: MadeCall | undefined = undefined;

  constructor(
    private readonly signal: AbortSignal,
    private readonly sink: CallSink,
  ) {
    this.isPaced = sink.isPaced === true;
  }

  /**
   * @param make makes the call, with this as its sink; undefined where there is nothing of it that could be cancelled
   * @throws N2NError `CANCELLED` when the signal is aborted already
   */
  start<Made extends MadeCall | undefined>(make: (sink: CallSink) => Made): this | Made {
    if (this.signal.aborted) throw cancelled();
    bind(this.signal, this);
    let made: Made;
    try {
      made = make(this);
    } catch (error) {
      this.unbind();
      throw error;
    }
    this.call = made;
    if (made !== undefined) return this;
    this.unbind();
    return made;
  }

  hasWaiting(): boolean {
    return this.sink.hasWaiting?.() === true;
  }

  cancel(): void {
    this.unbind();
    this.call?.cancel();
  }

  consumed(bytes: number): void {
    this.call?.consumed(bytes);
  }

  next(value: unknown, bytes: number): void {
    this.sink.next(value, bytes);
  }

  complete(): void {
    this.unbind();
    this.sink.complete();
  }

  error(error: unknown): void {
    this.unbind();
    this.sink.error(error);
  }

  /** @internal Called when the signal is aborted. */
  onAbort(): void {
    this.cancel();
    this.sink.error(cancelled());
  }

  private unbind(): void {
    unbind(this.signal, this);
  }
}

function cancelled(): N2NError {
  return new N2NError(
    'CANCELLED',
    'The call was cancelled: the call that it was made for was, or its signal was aborted.',
  );
}
