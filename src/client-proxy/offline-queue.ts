import type { Clock } from '../clock.js';
import { N2NError } from '../n2n-error.js';
import { Deadlines } from '../rpc/deadlines.js';
import { shed, type QueuedCall } from './queued-call.js';

/** What may wait for a connection: bounded in number and bytes, in order, each for as long as its timeout says. */
export class OfflineQueue {
  private readonly calls = new Set<QueuedCall>();
  private readonly deadlines: Deadlines;
  private bytes = 0;

  constructor(
    private readonly maxCalls: number,
    private readonly maxBytes: number,
    clock: Clock,
  ) {
    this.deadlines = new Deadlines(clock);
  }

  get isEmpty(): boolean {
    return this.calls.size === 0;
  }

  /** @throws N2NError `OVERLOADED` when there is no room */
  add(call: QueuedCall): void {
    if (this.calls.size >= this.maxCalls || this.bytes + call.bytes > this.maxBytes) {
      const error = new N2NError(
        'OVERLOADED',
        'There is no connection, and no room for another call that waits for one. ' +
          'See why the service is away, or raise maxBuffered or maxBufferedBytes.',
        { details: { waiting: this.calls.size, waitingBytes: this.bytes } },
      );
      throw shed(call.kind, call.pattern, call.options, error);
    }
    this.calls.add(call);
    this.bytes += call.bytes;
    if (call.timeout > 0) this.deadlines.add(call, call.options.since);
  }

  remove(call: QueuedCall): void {
    if (!this.calls.delete(call)) return;
    this.bytes -= call.bytes;
    this.deadlines.remove(call);
  }

  /** Takes the one out that has waited longest. */
  take(): QueuedCall | undefined {
    const [oldest] = this.calls;
    if (oldest !== undefined) this.remove(oldest);
    return oldest;
  }

  /** Empties the room. @returns what waited, oldest first */
  takeAll(): QueuedCall[] {
    const all = [...this.calls];
    this.calls.clear();
    this.bytes = 0;
    this.deadlines.clear();
    return all;
  }
}
