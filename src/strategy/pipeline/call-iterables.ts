import { EMPTY, Observable, type Subscriber } from 'rxjs';
import { currentContext } from '../../async-context.js';
import { endUnread, iteratorOf, letGo } from '../../rpc/streams/stream-iterator.js';
import { errorForCaller, type ReportError } from '../handlers/handler-error.js';
import type { N2NContext } from '../n2n-context.js';

/**
 * The most values that are taken without a pause. Operators may drop or buffer all values, and the event loop does not
 * read the connection before a pause: the caller could not cancel an endless generator.
 */
const MAX_VALUES_PER_TURN = 8192;

const NOTHING_STOPPED = { isStopped: true } as const;

const ofContexts = new WeakMap<object, CallIterables>();

/** Returns the iterables that the handlers of a call have returned so far; undefined if there are none. */
export function iterablesOf(context: unknown): CallIterables | undefined {
  return typeof context === 'object' && context !== null ? ofContexts.get(context) : undefined;
}

/**
 * Wraps an iterable that a handler returned as an Observable, for Nest's pipeline. It takes the next value only when the
 * caller can take one. The backpressure works as long as the operators pass on each value synchronously.
 */
export function observed(
  values: AsyncIterable<unknown>,
  context: N2NContext,
  report: ReportError,
): Observable<unknown> {
  const iterables = ofContexts.get(context) ?? new CallIterables(context, report);
  ofContexts.set(context, iterables);
  return iterables.observe(values);
}

/** The iterables that the handlers of one call have returned. Nest's pipeline sees them as Observables. */
export class CallIterables {
  /** The iterables without a subscription yet. They may hold resources, such as an open file. */
  private readonly unread = new Set<AsyncIterable<unknown>>();
  private running = 0;
  private onStopped: (() => void) | undefined = undefined;
  private isOver = false;

  constructor(
    private readonly context: N2NContext,
    private readonly report: ReportError,
  ) {
    const [call] = context.getArgs();
    // The handlers of an acknowledged event continue without its sender.
    this.isOver = call.isOver || (call.isStopped && call.content.key === undefined);
  }

  observe(values: AsyncIterable<unknown>): Observable<unknown> {
    if (this.isOver) {
      endUnread(values, this.report);
      return EMPTY;
    }
    this.unread.add(values);
    return new Observable((subscriber) => this.read(values, subscriber));
  }

  /** Nest's pipeline has ended, or the call is cancelled: ends the iterables without a subscription. */
  end(): void {
    this.isOver = true;
    for (const values of this.unread) endUnread(values, this.report);
    this.unread.clear();
  }

  /** Calls back when no iterable is running. An iterable with a pending value stops after that value. */
  whenStopped(callback: () => void): void {
    if (this.running === 0) callback();
    else this.onStopped = callback;
  }

  private read(values: AsyncIterable<unknown>, subscriber: Subscriber<unknown>): () => void {
    this.unread.delete(values);
    const reading = new Reading(iteratorOf(values), subscriber, this.context, this.report);
    this.running += 1;
    void reading.run().finally(() => {
      this.running -= 1;
      if (this.running === 0) this.onStopped?.();
    });
    return () => reading.stop();
  }
}

/** Gives the values of an iterator to a subscriber, at the pace of the call. */
class Reading {
  private isStopped = false;
  private wake: (() => void) | undefined = undefined;
  /** The async context of the subscription. The generator must not be ended in the context of the unsubscription. */
  private readonly asyncContext = currentContext();

  constructor(
    private readonly iterator: AsyncIterator<unknown>,
    private readonly subscriber: Subscriber<unknown>,
    private readonly context: N2NContext,
    private readonly report: ReportError,
  ) {}

  async run(): Promise<void> {
    try {
      await this.giveAll();
    } catch (error) {
      if (this.isStopped) {
        // The subscriber has unsubscribed.
        errorForCaller(error, NOTHING_STOPPED, this.report);
        return;
      }
      this.isStopped = true;
      this.subscriber.error(error);
    }
  }

  /** The subscriber has unsubscribed. */
  stop(): void {
    if (this.isStopped) return;
    this.isStopped = true;
    this.wake?.();
    void this.asyncContext.runInAsyncScope(letGo, undefined, this.iterator, this.report);
  }

  private async giveAll(): Promise<void> {
    const { iterator, subscriber } = this;
    const [call] = this.context.getArgs();
    let inThisTurn = 0;
    while (!this.isStopped) {
      // oxlint-disable-next-line no-await-in-loop -- values come one after the other
      const { done, value } = await iterator.next();
      if (this.isStopped) return;
      if (done === true) {
        this.isStopped = true;
        subscriber.complete();
        return;
      }
      // A slow caller pauses the source. The check follows `next`, because the end of the stream needs no credit.
      const mustWait = !call.isReady;
      if (mustWait || inThisTurn === MAX_VALUES_PER_TURN) {
        inThisTurn = 0;
        // oxlint-disable-next-line no-await-in-loop -- see above
        await this.waitFor(mustWait ? (callback) => call.whenReady(callback) : setImmediate);
      }
      inThisTurn += 1;
      // A subscriber that has unsubscribed meanwhile drops the value.
      subscriber.next(value);
    }
  }

  private waitFor(event: (callback: () => void) => unknown): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
      event(resolve);
    });
  }
}
