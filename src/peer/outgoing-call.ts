import { N2NError } from '../n2n-error.js';
import type { DeadlineList, Expiring } from './deadlines.js';

/** Where the answers of a call go. RxJS's `Subscriber` is one. */
export interface CallSink {
  next(value: unknown): void;
  complete(): void;
  /** An `N2NError`, or whatever the handler of the other side threw. */
  error(error: unknown): void;
}

/** What a call needs of the peer that made it. */
export interface CallOwner {
  /** Forgets the call and tells the other side to stop. */
  cancel(call: OutgoingCall): void;
}

/** A call that was written and is not over. */
export class OutgoingCall implements Expiring {
  lastSign = 0;
  list: DeadlineList | undefined = undefined;
  previous: Expiring | undefined = undefined;
  next: Expiring | undefined = undefined;

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

  onExpired(): void {
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
