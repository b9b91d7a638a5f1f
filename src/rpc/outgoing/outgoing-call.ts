import type { CallTrace } from '../../diagnostics.js';
import { N2NError } from '../../n2n-error.js';
import type { DeadlineList, Expiring } from '../deadlines.js';
import type { ReceiveWindow } from '../flow-control/receive-window.js';

/** Receives the answers of a call. RxJS's `Subscriber` is one. */
export interface CallSink {
  /** @param bytes the credit that the value used, for `OutgoingCall.consumed` */
  next(value: unknown, bytes: number): void;
  complete(): void;
  /** An `N2NError`, or the value that the handler of the other side threw. */
  error(error: unknown): void;
  /** Whether it has values that its consumer has not taken: then the call does not wait for the other side. */
  hasWaiting?(): boolean;
  /** Whether the sink calls `OutgoingCall.consumed` itself when its consumer has taken a value. */
  readonly isPaced?: boolean;
}

/** The owner of the calls. */
export interface CallOwner {
  /** Forgets the call and sends CANCEL. */
  cancel(call: OutgoingCall): void;
  /** Cancels the call, and fails it with this error. */
  abort(call: OutgoingCall, error: unknown): void;
  consumed(call: OutgoingCall, bytes: number): void;
  /** The whole timeout of the call begins again. */
  wait(call: OutgoingCall): void;
}

/** A call that was sent and is not over. */
export class OutgoingCall implements Expiring {
  lastSign = 0;
  list: DeadlineList | undefined = undefined;
  previous: Expiring | undefined = undefined;
  next: Expiring | undefined = undefined;
  /** Counts the values of the call, once one has come that is not its last. */
  receiveWindow: ReceiveWindow | undefined = undefined;
  /** Its payload, if that is a stream. It is stopped when the call is over. */
  payload: { stop(): void } | undefined = undefined;
  /** Set if somebody has subscribed to calls. */
  trace: CallTrace | undefined = undefined;

  constructor(
    readonly id: number,
    readonly pattern: string,
    readonly timeout: number,
    readonly sink: CallSink,
    private readonly owner: CallOwner,
  ) {}

  /** Stops the call on both sides. The sink is not called any more. Does nothing when the call is over. */
  cancel(): void {
    this.owner.cancel(this);
  }

  /** The consumer of an `isPaced` sink has taken a value. @param bytes as `CallSink.next` got them */
  consumed(bytes: number): void {
    this.owner.consumed(this, bytes);
  }

  onExpired(): void {
    if (this.sink.hasWaiting?.() === true) {
      this.owner.wait(this);
      return;
    }
    this.owner.abort(
      this,
      new N2NError(
        'TIMEOUT',
        `No answer to "${this.pattern}" within ${this.timeout} ms. Raise its timeout, or see why the handler takes so long.`,
        { details: { pattern: this.pattern, timeout: this.timeout } },
      ),
    );
  }
}
