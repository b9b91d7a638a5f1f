import { publishShed } from '../../diagnostics.js';
import { N2NError } from '../../n2n-error.js';
import type { DeadlineList, Expiring } from '../../rpc/deadlines.js';
import type { CallSink } from '../../rpc/outgoing/outgoing-call.js';
import type { Caller, CallTerms, MadeCall } from '../../call/caller.js';
import { encodedLength, type EncodedValue } from '../../protocol/values/value.js';

/** A call or an event that waits for a connection, ready to be written. */
export class QueuedCall implements Expiring, MadeCall {
  lastSign = 0;
  list: DeadlineList | undefined = undefined;
  previous: Expiring | undefined = undefined;
  next: Expiring | undefined = undefined;
  readonly timeout: number;
  private written: MadeCall | undefined = undefined;

  /**
   * @param sink gets the answers of a call; for an event, it completes when the event is written
   * @param drop removes the call from the queue
   * @param connectError returns the error of the last attempt to connect, if there was one
   */
  constructor(
    readonly kind: 'call' | 'event',
    readonly pattern: string,
    readonly value: EncodedValue,
    readonly options: CallTerms,
    private readonly sink: CallSink,
    private readonly drop: (call: QueuedCall) => void,
    private readonly connectError: () => N2NError | undefined,
  ) {
    this.timeout = options.timeout;
  }

  /** The size of the call in the queue, in bytes. */
  get bytes(): number {
    return this.pattern.length + encodedLength(this.value) + (this.options.metadata?.length ?? 0);
  }

  /** Writes the call over a connection. Errors go to its sink. */
  write(to: Caller): void {
    try {
      if (this.kind === 'call') {
        this.written = to.call(this.pattern, this.value, this.sink, {
          ...this.options,
          since: this.lastSign,
        });
      } else {
        to.emit(this.pattern, this.value, this.sink, this.options);
        this.sink.next(undefined, 0);
        this.sink.complete();
      }
    } catch (error) {
      this.sink.error(error);
    }
  }

  fail(error: N2NError): void {
    this.sink.error(shed(this.kind, this.pattern, this.options, error));
  }

  cancel(): void {
    if (this.written === undefined) this.drop(this);
    else this.written.cancel();
  }

  consumed(bytes: number): void {
    this.written?.consumed(bytes);
  }

  onExpired(): void {
    this.drop(this);
    const cause = this.connectError();
    const why =
      cause === undefined
        ? '. No attempt has failed yet: the server does not answer, or has asked its clients to reconnect later.'
        : `: ${cause.message} The client keeps trying to connect.`;
    this.fail(
      new N2NError('TIMEOUT', `"${this.pattern}" waited ${this.timeout} ms for a connection${why}`, {
        details: { pattern: this.pattern, timeout: this.timeout },
        cause,
      }),
    );
  }
}

/** Publishes that a call or an event fails before it is written. @returns the error */
export function shed(
  kind: QueuedCall['kind'],
  pattern: string,
  { key }: CallTerms,
  error: N2NError,
): N2NError {
  publishShed('client', key === undefined ? kind : 'acknowledged-event', pattern, undefined, error);
  return error;
}
