/** What an incoming call needs of the peer that it came to. */
export interface ReplyPort {
  next(call: IncomingCall, value: unknown): void;
  /** Each of these three ends the call for the caller. */
  last(call: IncomingCall, value: unknown): void;
  complete(call: IncomingCall): void;
  error(call: IncomingCall, error: unknown): void;
  /** The handlers are done with a call that was being served, whether or not the caller still wanted it. */
  onServed(): void;
}

/**
 * - `waiting` for its turn to be served
 * - `serving`: the handlers are at work
 * - `abandoned`: they are, but the caller is gone or wants no answer
 * - `over`
 */
type CallState = 'waiting' | 'serving' | 'abandoned' | 'over';

/**
 * A call or an event that came from the other side. Whoever handles it ends it once, with `reply`, `complete` or
 * `fail`, also where the caller has cancelled it: until then it counts as being served, so that a caller cannot start
 * more work than is allowed by cancelling what it started.
 */
export class IncomingCall {
  private state: CallState = 'waiting';
  private stop: (() => void) | undefined = undefined;

  constructor(
    readonly id: number,
    readonly pattern: string,
    readonly data: unknown,
    /** As the caller gave it; undefined where it gave none. */
    readonly metadata: unknown,
    /** Whether the caller waits for an answer. */
    readonly expectsReply: boolean,
    private readonly port: ReplyPort,
  ) {}

  get isOver(): boolean {
    return this.state === 'over';
  }

  /** One value of several. */
  next(value: unknown): void {
    if (this.state === 'serving' && this.expectsReply) this.port.next(this, value);
  }

  /** The last value, or the only one. */
  reply(value: unknown): void {
    if (this.end() && this.expectsReply) this.port.last(this, value);
  }

  complete(): void {
    if (this.end() && this.expectsReply) this.port.complete(this);
  }

  /** @param error an `N2NError`, or what the handler threw in the shape in which the caller shall get it */
  fail(error: unknown): void {
    if (this.end() && this.expectsReply) this.port.error(this, error);
  }

  /** Registers what stops the work when the caller wants it no more. There is one such task a call. */
  whenCancelled(stop: () => void): void {
    this.stop = stop;
    if (this.state === 'abandoned') stop();
  }

  /** @internal For the serving queue: the handlers begin. */
  start(): void {
    this.state = 'serving';
  }

  /** @internal For the peer: the caller is gone, or wants no answer. */
  cancel(): void {
    if (this.state === 'waiting') {
      this.state = 'over';
    } else if (this.state === 'serving') {
      this.state = 'abandoned';
      this.stop?.();
    }
  }

  /** @returns whether the caller is still there to be told */
  private end(): boolean {
    const { state } = this;
    if (state === 'over') return false;
    this.state = 'over';
    this.stop = undefined;
    if (state !== 'waiting') this.port.onServed();
    return state !== 'abandoned';
  }
}
