import { N2NError } from '../../n2n-error.js';
import type { DeadlineList, Expiring } from '../deadlines.js';
import type { ReceiveWindow } from '../flow-control/receive-window.js';
import type { StreamTarget } from '../streams/stream-target.js';

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

/** Where the payload of a call goes that is a stream. See `StreamTarget`. */
export interface PayloadPort {
  isPayloadReady(call: OutgoingCall): boolean;
  whenPayloadReady(call: OutgoingCall, callback: () => void): void;
  nextOfPayload(call: OutgoingCall, value: unknown): void;
  completePayload(call: OutgoingCall): void;
  failPayload(call: OutgoingCall, error: unknown): void;
}

/** A call that was written and is not over. */
export class OutgoingCall implements Expiring {
  lastSign = 0;
  list: DeadlineList | undefined = undefined;
  previous: Expiring | undefined = undefined;
  next: Expiring | undefined = undefined;
  /** What comes for it, once a value has come that is not the only one. */
  receiveWindow: ReceiveWindow | undefined = undefined;
  /** Where its payload goes, if that is a stream. */
  payload: PayloadTarget | undefined = undefined;

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

/** The payload of a call that is a stream. It is stopped when the call is over, or when the handler wants no more. */
export class PayloadTarget implements StreamTarget {
  private state: 'open' | 'ended' | 'stopped' = 'open';
  private stops: ((reason: unknown) => void)[] = [];

  constructor(
    private readonly call: OutgoingCall,
    private readonly port: PayloadPort,
  ) {}

  get isStopped(): boolean {
    return this.state !== 'open';
  }

  get isReady(): boolean {
    return this.port.isPayloadReady(this.call);
  }

  whenReady(callback: () => void): void {
    if (this.state === 'open') this.port.whenPayloadReady(this.call, callback);
    else callback();
  }

  next(value: unknown): void {
    if (this.state === 'open') this.port.nextOfPayload(this.call, value);
  }

  complete(): void {
    if (this.state !== 'open') return;
    this.state = 'ended';
    this.port.completePayload(this.call);
  }

  fail(error: unknown): void {
    if (this.state !== 'open') return;
    this.state = 'ended';
    this.port.failPayload(this.call, error);
  }

  whenCancelled(stop: (reason: unknown) => void): void {
    if (this.state === 'stopped') stop(undefined);
    else this.stops.push(stop);
  }

  /** @internal For the peer: nobody takes the payload any more. */
  stop(): void {
    if (this.state === 'stopped') return;
    const wasOpen = this.state === 'open';
    this.state = 'stopped';
    const { stops } = this;
    this.stops = [];
    if (wasOpen) for (const stop of stops) stop(undefined);
  }
}
