import type { Clock } from '../../clock.js';
import { N2NError } from '../../n2n-error.js';
import { Deadlines } from '../../rpc/deadlines.js';
import type { CallSink } from '../../rpc/outgoing/outgoing-call.js';
import type { EncodedValue } from '../../protocol/values/value.js';
import type { CallTerms } from '../../call/caller.js';
import { QueuedCall, shed } from './queued-call.js';

/** See `N2NClientOptions`. */
export interface OfflineLimits {
  readonly maxBuffered: number;
  readonly maxBufferedBytes: number;
  readonly clock: Clock;
}

/** The calls and events that wait for a connection, in order. Their number and bytes are bounded; each has a timeout. */
export class OfflineQueue {
  private readonly calls = new Set<QueuedCall>();
  private readonly deadlines: Deadlines;
  private bytes = 0;

  /** @param connectError returns the error of the last attempt to connect, if there was one */
  constructor(
    private readonly limits: OfflineLimits,
    private readonly connectError: () => N2NError | undefined,
  ) {
    this.deadlines = new Deadlines(limits.clock);
  }

  get isEmpty(): boolean {
    return this.calls.size === 0;
  }

  /** @throws N2NError `OVERLOADED` when the queue is full */
  wait(
    kind: QueuedCall['kind'],
    pattern: string,
    value: EncodedValue,
    sink: CallSink,
    terms: CallTerms,
  ): QueuedCall {
    const drop = (dropped: QueuedCall): void => this.remove(dropped);
    const call = new QueuedCall(kind, pattern, value, terms, sink, drop, this.connectError);
    const { maxBuffered, maxBufferedBytes } = this.limits;
    if (this.calls.size >= maxBuffered || this.bytes + call.bytes > maxBufferedBytes) {
      const error = new N2NError(
        'OVERLOADED',
        'There is no connection, and the offline queue is full. ' +
          'Check why the server is unreachable, or raise maxBuffered or maxBufferedBytes.',
        { details: { waiting: this.calls.size, waitingBytes: this.bytes } },
      );
      throw shed(call.kind, call.pattern, call.options, error);
    }
    this.calls.add(call);
    this.bytes += call.bytes;
    if (call.timeout > 0) this.deadlines.add(call, call.options.since);
    return call;
  }

  remove(call: QueuedCall): void {
    if (!this.calls.delete(call)) return;
    this.bytes -= call.bytes;
    this.deadlines.remove(call);
  }

  /** Removes and returns the oldest call. */
  take(): QueuedCall | undefined {
    const [oldest] = this.calls;
    if (oldest !== undefined) this.remove(oldest);
    return oldest;
  }

  /** Removes and returns all calls, oldest first. */
  takeAll(): QueuedCall[] {
    const all = [...this.calls];
    this.calls.clear();
    this.bytes = 0;
    this.deadlines.clear();
    return all;
  }
}
