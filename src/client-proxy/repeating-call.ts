import { N2NError } from '../n2n-error.js';
import type { CallSink } from '../rpc/outgoing/outgoing-call.js';
import type { MadeCall } from '../call/caller.js';

/**
 * A call that may be made more than once: when the connection is lost before any answer came, it is made again. The
 * sink hears nothing of that.
 */
export class RepeatingCall implements MadeCall, CallSink {
  readonly isPaced: boolean;
  private current: MadeCall | undefined = undefined;
  private state: 'unanswered' | 'answered' | 'cancelled' = 'unanswered';

  /** @param make makes the call, with this as its sink */
  constructor(
    private readonly sink: CallSink,
    private readonly make: (sink: CallSink) => MadeCall,
  ) {
    this.isPaced = sink.isPaced === true;
  }

  hasWaiting(): boolean {
    return this.sink.hasWaiting?.() === true;
  }

  start(): this {
    this.current = this.make(this);
    return this;
  }

  cancel(): void {
    this.state = 'cancelled';
    this.current?.cancel();
  }

  consumed(bytes: number): void {
    this.current?.consumed(bytes);
  }

  next(value: unknown, bytes: number): void {
    this.state = 'answered';
    this.sink.next(value, bytes);
  }

  complete(): void {
    this.sink.complete();
  }

  error(error: unknown): void {
    // The calls that a session had are told of its end one by one: one of them may have cancelled this.
    if (this.state === 'cancelled') return;
    if (this.state === 'answered' || !(error instanceof N2NError) || error.code !== 'CONNECTION_LOST') {
      this.sink.error(error);
      return;
    }
    try {
      this.start();
    } catch (refused) {
      this.sink.error(refused);
    }
  }
}
