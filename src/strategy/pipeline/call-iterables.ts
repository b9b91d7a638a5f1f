import { EMPTY, Observable, type Subscriber } from 'rxjs';
import { currentContext } from '../../async-context.js';
import { iteratorOf, letGo } from '../../rpc/streams/stream-iterator.js';
import { errorForCaller, type ReportError } from '../handlers/handler-error.js';
import type { N2NContext } from '../n2n-context.js';

/**
 * As many values are taken without a pause. Operators may drop or hold them all, and the connection is not read before
 * the loop goes on: an endless generator could not be cancelled.
 */
const MOST_IN_A_TURN = 8192;

const NOTHING_STOPPED = { isStopped: true } as const;

const ofContexts = new WeakMap<object, CallIterables>();

/** The iterables that the handlers of a call have given so far; undefined where there are none. */
export function iterablesOf(context: unknown): CallIterables | undefined {
  return typeof context === 'object' && context !== null ? ofContexts.get(context) : undefined;
}

/**
 * The values of an iterable that a handler gave, as an Observable for Nest's pipeline. It takes a value only when the
 * caller takes one more: the source is held back, as far as the operators give each value on at once.
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

/** The iterables that the handlers of one call have given, and that Nest's pipeline sees as Observables. */
export class CallIterables {
  /** Those that nobody has subscribed to yet. A file would stay open. */
  private readonly unread = new Set<AsyncIterable<unknown>>();
  private running = 0;
  private onStopped: (() => void) | undefined = undefined;
  private isOver = false;

  constructor(
    private readonly context: N2NContext,
    private readonly report: ReportError,
  ) {
    const [call] = context.getArgs();
    // The handlers of an acknowledged event go on without its sender.
    this.isOver = call.isOver || (call.isStopped && call.content.key === undefined);
  }

  observe(values: AsyncIterable<unknown>): Observable<unknown> {
    if (this.isOver) {
      this.drop(values);
      return EMPTY;
    }
    this.unread.add(values);
    return new Observable((subscriber) => this.read(values, subscriber));
  }

  /** Nest's pipeline is through, or nobody waits for it: lets go of what it has not subscribed to. */
  end(): void {
    this.isOver = true;
    for (const values of this.unread) this.drop(values);
    this.unread.clear();
  }

  /** Calls back when no iterable is at work. One that waits for something stops only after that has come. */
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

  private drop(values: AsyncIterable<unknown>): void {
    try {
      void letGo(iteratorOf(values), this.report);
    } catch (error) {
      this.report(error);
    }
  }
}

/** Gives the values of an iterator to a subscriber, at the pace of the call. */
class Reading {
  private isStopped = false;
  private wake: (() => void) | undefined = undefined;
  /** That of whoever subscribed. Whoever unsubscribes is in another, and must not run the generator in it. */
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
        // Whoever would get it has gone.
        errorForCaller(error, NOTHING_STOPPED, this.report);
        return;
      }
      this.isStopped = true;
      this.subscriber.error(error);
    }
  }

  /** Nobody wants more values. */
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
      // A slow caller holds back the source. It is asked only after `next`, because the end needs no credit.
      const mustWait = !call.isReady;
      if (mustWait || inThisTurn === MOST_IN_A_TURN) {
        inThisTurn = 0;
        // oxlint-disable-next-line no-await-in-loop -- see above
        await this.until(mustWait ? (callback) => call.whenReady(callback) : setImmediate);
      }
      inThisTurn += 1;
      // Unsubscribed from meanwhile, the subscriber drops it.
      subscriber.next(value);
    }
  }

  private until(comes: (callback: () => void) => unknown): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
      comes(resolve);
    });
  }
}
