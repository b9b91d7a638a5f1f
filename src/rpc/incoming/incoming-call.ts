import { N2NError, type N2NErrorCode } from '../../n2n-error.js';
import type { StreamTarget } from '../streams/stream-target.js';

/** Told of what has nobody else to go to: that what was to stop a handler threw, or that an event was dropped. */
export interface FaultLog {
  onFault(error: unknown): void;
}

/** What an incoming call needs of the peer that it came to. */
export interface ReplyPort extends FaultLog {
  next(call: IncomingCall, value: unknown): void;
  /** Each of these three ends the call for the caller. */
  last(call: IncomingCall, value: unknown): void;
  complete(call: IncomingCall): void;
  error(call: IncomingCall, error: unknown): void;
  /** Whether a value that is sent now leaves now. */
  isReady(call: IncomingCall): boolean;
  whenReady(call: IncomingCall, callback: () => void): void;
  /** The handlers are done with a call that was being served, whether or not the caller still wanted it. */
  onServed(call: IncomingCall): void;
  /** The caller of a call that waited for its turn wants no answer any more. */
  onAbandoned(): void;
}

/**
 * - `call`: the caller waits for values
 * - `event`: nobody waits
 * - `acknowledged-event`: the sender waits for the end, or for an error
 */
export type CallKind = 'call' | 'event' | 'acknowledged-event';

/** What came with a call. */
export interface CallContent {
  readonly kind: CallKind;
  readonly pattern: string;
  /** The payload; a `StreamReader` where it is a stream. */
  readonly data: unknown;
  /** What stands around the payload, headers and metadata among it; undefined where the caller gave nothing. */
  readonly envelope: unknown;
  /** How many milliseconds the caller waits without any answer; 0 for ever. */
  readonly timeout: number;
  /** The key of an acknowledged event. */
  readonly key?: string | undefined;
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
export class IncomingCall implements StreamTarget {
  /** When the caller stops waiting, by the peer's clock; Infinity where it waits for ever. */
  expiresAt: number;
  private state: CallState = 'waiting';
  private stops: ((reason: unknown) => void)[] | undefined = undefined;
  private cancelReason: unknown = undefined;
  private onOver: (() => void) | undefined = undefined;

  constructor(
    readonly id: number,
    readonly content: CallContent,
    private readonly port: ReplyPort,
    now: number,
  ) {
    this.expiresAt = content.timeout === 0 ? Infinity : now + content.timeout;
  }

  /** A value was sent, or one of the payload came: the caller's whole timeout begins anew. */
  extend(now: number): void {
    const { timeout } = this.content;
    if (timeout > 0) this.expiresAt = now + timeout;
  }

  get pattern(): string {
    return this.content.pattern;
  }

  get data(): unknown {
    return this.content.data;
  }

  get isOver(): boolean {
    return this.state === 'over';
  }

  /** Whether nobody wants an answer any more. */
  get isStopped(): boolean {
    return this.state === 'over' || this.state === 'abandoned';
  }

  get isReady(): boolean {
    return this.port.isReady(this);
  }

  whenReady(callback: () => void): void {
    if (this.state === 'serving') this.port.whenReady(this, callback);
    else callback();
  }

  /** One value of several. */
  next(value: unknown): void {
    if (this.state === 'serving' && this.content.kind === 'call') this.port.next(this, value);
  }

  /** The last value, or the only one. */
  reply(value: unknown): void {
    this.end(this.content.kind === 'call' ? 'last' : 'complete', value);
  }

  complete(): void {
    this.end('complete', undefined);
  }

  /** @param error an `N2NError`, or what the handler threw in the shape in which the caller shall get it */
  fail(error: unknown): void {
    this.end('error', error);
  }

  /** Fails a call whose handler goes on, and stops that: what it gave cannot be sent. */
  abort(error: unknown): void {
    if (this.state !== 'serving') return;
    if (this.content.kind !== 'event') this.port.error(this, error);
    this.cancel(error);
  }

  /** Registers what stops work when the caller wants it no more; it is called at once where that is so already. */
  whenCancelled(stop: (reason: unknown) => void): void {
    if (this.state === 'abandoned') this.runStop(stop, this.cancelReason);
    else if (this.state !== 'over') (this.stops ??= []).push(stop);
  }

  /** Registers who wants to know when the handlers are done with it. There is one such. */
  whenOver(callback: () => void): void {
    this.onOver = callback;
  }

  /** @internal For the serving queue: the handlers begin. */
  start(): void {
    this.state = 'serving';
  }

  /** @internal For the peer: the caller is gone, or wants no answer, for this reason. */
  cancel(reason: unknown): void {
    if (this.state === 'waiting') {
      this.state = 'over';
      this.port.onAbandoned();
    } else if (this.state === 'serving') {
      this.state = 'abandoned';
      this.cancelReason = reason;
      const { stops } = this;
      this.stops = undefined;
      if (stops !== undefined) for (const stop of stops) this.runStop(stop, reason);
    }
  }

  /** What stops a handler is an application's code: its faults are its own, and not the connection's. */
  private runStop(stop: (reason: unknown) => void, reason: unknown): void {
    try {
      stop(reason);
    } catch (error) {
      this.port.onFault(error);
    }
  }

  /** Answers the caller, then frees the slot: the handler that gets the slot may answer before this returns. */
  private end(answer: 'last' | 'complete' | 'error', value: unknown): void {
    const { state } = this;
    if (state === 'over') return;
    this.state = 'over';
    this.stops = undefined;
    try {
      if (state !== 'abandoned' && this.content.kind !== 'event') this.answer(answer, value);
    } finally {
      if (state !== 'waiting') this.port.onServed(this);
      this.onOver?.();
    }
  }

  private answer(answer: 'last' | 'complete' | 'error', value: unknown): void {
    if (answer === 'last') this.port.last(this, value);
    else if (answer === 'complete') this.port.complete(this);
    else this.port.error(this, value);
  }
}

/** Ends a call that there is no room for. */
export function refuseOverload(call: IncomingCall, log: FaultLog): void {
  refuse(call, 'OVERLOADED', 'Too many calls and events wait for handlers; try again later.', log);
}

/** Ends a call that is not taken. Of an event, nobody but the log can be told. */
export function refuse(call: IncomingCall, code: N2NErrorCode, reason: string, log: FaultLog): void {
  const { kind, pattern } = call.content;
  if (kind === 'event') log.onFault(new N2NError(code, `The event "${pattern}" was dropped. ${reason}`));
  call.fail(new N2NError(code, reason));
}
