import { N2NError } from '../../n2n-error.js';
import type { DeadlineList, Expiring } from '../deadlines.js';
import type { ReceiveWindow } from '../flow-control/receive-window.js';

/** Where the answers of a call go. RxJS's `Subscriber` is one. */
export interface CallSink {
  /** @param bytes what the value took of the credit, for sinks that are `isPaced` */
  next(value: unknown, bytes: number): void;
  complete(): void;
  /** An `N2NError`, or whatever the handler of the other side threw. */
  error(error: unknown): void;
  /** Whether it has values that its consumer has not taken: then it is not the other side that lets it wait. */
  hasWaiting?(): boolean;
  /** Whether the sink itself says, by `OutgoingCall.consumed`, when a value has been taken. */
  readonly isPaced?: boolean;
}

/** What a call needs of the peer that made it. */
export interface CallOwner {
  /** Forgets the call and tells the other side to stop. */
  cancel(call: OutgoingCall): void;
  consumed(call: OutgoingCall, bytes: number): void;
  /** Gives the call its whole timeout anew. */
  wait(call: OutgoingCall): void;
}

/** A call that was written and is not over. */
export class OutgoingCall implements Expiring {
  lastSign = 0;
  list: DeadlineList | undefined = undefined;
  previous: Expiring | undefined = undefined;
  next: Expiring | undefined = undefined;
  /** What comes for it, once a value has come that is not the only one. */
  receiveWindow: ReceiveWindow | undefined = undefined;
  /** Its payload, if that is a stream: it is stopped when the call is over. */
  payload: { stop(): void } | undefined = undefined;

  constructor(
    readonly id: number,
    readonly pattern: string,
    readonly timeout: number,
    readonly sink: CallSink,
    private readonly owner: CallOwner,
  ) {}

  /** Stops the call: the sink hears nothing any more, and the other side stops as well. Harmless when it is over. */
  cancel(): void {
    this.owner.cancel(this);
  }

  /** A value that an `isPaced` sink was given has been taken; `bytes` as it was given with it. */
  consumed(bytes: number): void {
    this.owner.consumed(this, bytes);
  }

  onExpired(): void {
    if (this.sink.hasWaiting?.() === true) {
      this.owner.wait(this);
      return;
    }
    this.owner.cancel(this);
    this.sink.error(
      new N2NError(
        'TIMEOUT',
        `No answer to "${this.pattern}" within ${this.timeout} ms. Raise its timeout, or see why the handler takes so long.`,
        { details: { pattern: this.pattern, timeout: this.timeout } },
      ),
    );
  }
}
