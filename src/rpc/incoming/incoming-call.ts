import type { Clock } from '../../clock.js';
import { CallTrace, publishShed, type CallKind, type SessionInfo } from '../../diagnostics.js';
import { N2NError, type N2NErrorCode } from '../../n2n-error.js';
import type { StreamTarget } from '../streams/stream-target.js';

/** Gets errors that nobody else can get: code that stops a handler threw, or an event was dropped. */
export interface FaultLog {
  onFault(error: unknown): void;
  /** Somebody should know of this, but nothing is broken. */
  warn?(message: string): void;
}

/** Sends the answers of an incoming call. */
export interface ReplyPort extends FaultLog {
  readonly info: SessionInfo;
  next(call: IncomingCall, value: unknown): void;
  /** Each of these three ends the call for the caller. */
  last(call: IncomingCall, value: unknown): void;
  complete(call: IncomingCall): void;
  error(call: IncomingCall, error: unknown): void;
  /** Whether a value leaves at once. */
  isReady(call: IncomingCall): boolean;
  whenReady(call: IncomingCall, callback: () => void): void;
  /** The handlers have ended a call, whether or not its caller still waited for it. */
  onServed(call: IncomingCall): void;
  /** The caller has given up a call that waited for its turn. */
  onAbandoned(): void;
}

/** The content of a call. */
export interface CallContent {
  readonly kind: CallKind;
  readonly pattern: string;
  /** The payload; a `StreamReader` where it is a stream. */
  readonly data: unknown;
  /** The envelope of the payload, such as headers and metadata; undefined if the caller gave none. */
  readonly envelope: unknown;
  /** How long the caller waits without an answer, in milliseconds; 0 for ever. */
  readonly timeout: number;
  /** The key of an acknowledged event. */
  readonly key?: string | undefined;
}

/**
 * - `waiting` for its turn
 * - `serving`: the handlers are running
 * - `abandoned`: the handlers are running, but the caller has given up or is gone
 * - `over`
 */
type CallState = 'waiting' | 'serving' | 'abandoned' | 'over';

/**
 * A call or an event of the other side. Its handler ends it once, with `reply`, `complete` or `fail`, also when the
 * caller has cancelled it. Until then it keeps its slot, so that a caller cannot exceed the limit on running handlers
 * by cancelling its calls.
 */
export class IncomingCall implements StreamTarget {
  /** When the caller stops waiting, by the clock of the peer; Infinity if it waits for ever. */
  expiresAt: number;
  private state: CallState = 'waiting';
  private stops: ((reason: unknown) => void)[] | undefined = undefined;
  private cancelReason: unknown = undefined;
  private onOver: (() => void) | undefined = undefined;
  private trace: CallTrace | undefined = undefined;

  constructor(
    readonly id: number,
    readonly content: CallContent,
    private readonly port: ReplyPort,
    now: number,
  ) {
    this.expiresAt = content.timeout === 0 ? Infinity : now + content.timeout;
  }

  /** A value was sent, or a value of the payload came: the whole timeout of the caller begins again. */
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

  /** Whether no handler has begun to work for it. */
  get isWaiting(): boolean {
    return this.state === 'waiting';
  }

  /** Whether nobody waits for an answer. */
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

  /** @param error an `N2NError`, or the error of the handler in the form that the caller is to get */
  fail(error: unknown): void {
    this.end('error', error);
  }

  /** Fails a call whose handler is running, and stops the handler: its value cannot be sent. */
  abort(error: unknown): void {
    if (this.state !== 'serving') return;
    if (this.content.kind !== 'event') this.port.error(this, error);
    this.cancel(error);
  }

  /**
   * Registers a function that stops the handler when the caller gives up. It is called at once if the caller has done
   * so.
   */
  whenCancelled(stop: (reason: unknown) => void): void {
    if (this.state === 'abandoned') this.runStop(stop, this.cancelReason);
    else if (this.state !== 'over') (this.stops ??= []).push(stop);
  }

  /** Registers a function that is called when the handlers have ended the call. There can be one. */
  whenOver(callback: () => void): void {
    this.onOver = callback;
  }

  /** @internal Called by the serving queue: the handlers start. */
  start(): void {
    this.state = 'serving';
  }

  /**
   * @internal Called by the serving queue, if somebody has subscribed to calls: what tells of this one.
   * @param since when it began to wait, if it has to
   */
  traced(clock: Clock, since?: number): CallTrace {
    const { id, port, content } = this;
    const { kind, pattern } = content;
    this.trace ??= new CallTrace({ session: port.info, side: 'server', id, kind, pattern }, clock, since);
    return this.trace;
  }

  /** @internal Called by the peer: the caller has given up, or is gone, for this reason. */
  cancel(reason: unknown): void {
    // Also of a call that has just ended: its answer cannot be sent.
    this.cancelReason ??= reason;
    if (this.state === 'waiting') {
      this.state = 'over';
      this.port.onAbandoned();
    } else if (this.state === 'serving') {
      this.state = 'abandoned';
      const { stops } = this;
      this.stops = undefined;
      if (stops !== undefined) for (const stop of stops) this.runStop(stop, reason);
    }
  }

  /** The function is code of the application: its errors must not end the connection. */
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
      if (state === 'waiting') publishShed('server', this.content.kind, this.pattern, this.port.info, value);
      else this.endTrace(answer === 'error', value);
      if (state !== 'waiting') this.port.onServed(this);
      this.onOver?.();
    }
  }

  private endTrace(hasFailed: boolean, error: unknown): void {
    const { trace, cancelReason } = this;
    if (trace === undefined) return;
    if (cancelReason !== undefined) trace.fail(cancelReason);
    else if (hasFailed) trace.fail(error);
    else trace.end();
  }

  private answer(answer: 'last' | 'complete' | 'error', value: unknown): void {
    if (answer === 'last') this.port.last(this, value);
    else if (answer === 'complete') this.port.complete(this);
    else this.port.error(this, value);
  }
}

/** Fails a call for which there is no room. */
export function refuseOverload(call: IncomingCall, log: FaultLog): void {
  refuse(call, 'OVERLOADED', 'Too many calls and events wait for handlers; try again later.', log);
}

/** Fails a call that is not taken. An event has no caller to tell, so that its error is logged. */
export function refuse(call: IncomingCall, code: N2NErrorCode, reason: string, log: FaultLog): void {
  const { kind, pattern } = call.content;
  if (kind === 'event') log.onFault(new N2NError(code, `The event "${pattern}" was dropped. ${reason}`));
  call.fail(new N2NError(code, reason));
}

/** A pattern in a message or a log line, where its first 200 characters are enough. A caller can send up to 64 KiB. */
export function shownPattern(pattern: string): string {
  return pattern.length > 200 ? `${pattern.slice(0, 200)}…` : pattern;
}
