import type { Observable, Unsubscribable } from 'rxjs';
import { N2NError } from '../../n2n-error.js';
import { MAX_VALUES_BEHIND_ITERABLE } from '../../limits.js';
import { endUnread, isAsyncIterable, iteratorOf, letGo } from '../../rpc/streams/stream-iterator.js';
import { pumpValues } from '../../rpc/streams/stream-target.js';
import { iterablesOf } from '../pipeline/call-iterables.js';
import { errorForCaller, type ReportError } from './handler-error.js';
import type { Responder } from './responder.js';

/**
 * - `open`: the Observable emits values
 * - `ending`: the Observable has ended; the call ends after the current iterable and the values that wait behind it
 * - `over`: the call has ended
 */
type State =
  { readonly is: 'open' } | { readonly is: 'ending'; readonly end: () => void } | { readonly is: 'over' };

/** The iterable that is read, and the values that wait behind it. */
interface Reading {
  iterator: AsyncIterator<unknown> | undefined;
  readonly waiting: unknown[];
}

/**
 * Writes the values of an Observable that a handler returned. Nest's exception filters have already handled its error,
 * which is sent as it is. An async iterable among the values is replaced by its own values, in order.
 */
export class ObservableRun {
  private state: State = { is: 'open' };
  private reading: Reading | undefined;
  private source: Unsubscribable | undefined;

  constructor(
    private readonly responder: Responder,
    private readonly context: unknown,
    private readonly report: ReportError,
  ) {}

  start(values: Observable<unknown>): void {
    const { responder, report } = this;
    this.source = values.subscribe({
      next: (value) => this.onValue(value),
      error: (error: unknown) =>
        this.endWith(() =>
          responder.fail(error instanceof Error ? errorForCaller(error, responder, report) : error),
        ),
      complete: () => this.endWith(() => responder.complete()),
    });
    // The call may have ended during `subscribe`, before there was a subscription.
    if (this.state.is !== 'open') this.unsubscribe();
    if (this.state.is !== 'over') responder.whenCancelled(() => this.cancel());
  }

  private onValue(value: unknown): void {
    if (this.state.is !== 'open') this.drop([value]);
    else if (this.reading !== undefined) this.wait(value, this.reading);
    else if (isAsyncIterable(value)) void this.read(value);
    else this.responder.next(value);
  }

  private wait(value: unknown, { waiting }: Reading): void {
    if (waiting.length < MAX_VALUES_BEHIND_ITERABLE) {
      waiting.push(value);
      return;
    }
    this.drop([value]);
    this.unsubscribe();
    const error = new N2NError(
      'OVERLOADED',
      `More than ${MAX_VALUES_BEHIND_ITERABLE} values of an Observable wait behind an iterable among them.`,
    );
    this.endWith(() => this.responder.fail(error));
  }

  private async read(first: AsyncIterable<unknown>): Promise<void> {
    const reading: Reading = { iterator: undefined, waiting: [first] };
    this.reading = reading;
    try {
      while (reading.waiting.length > 0) {
        const value = reading.waiting.shift();
        // oxlint-disable-next-line no-await-in-loop -- values come one after the other
        if (isAsyncIterable(value)) await this.pump(value, reading);
        else this.responder.next(value);
      }
    } catch (error) {
      this.state = { is: 'over' };
      this.unsubscribe();
      this.drop(reading.waiting);
      this.responder.fail(errorForCaller(error, this.responder, this.report));
    }
    this.reading = undefined;
    if (this.state.is === 'ending') this.endWith(this.state.end);
  }

  private async pump(values: AsyncIterable<unknown>, reading: Reading): Promise<void> {
    const iterator = iteratorOf(values);
    reading.iterator = iterator;
    if (this.responder.isStopped) void letGo(iterator, this.report);
    await pumpValues(iterator, this.responder);
  }

  private endWith(end: () => void): void {
    iterablesOf(this.context)?.end();
    if (this.reading !== undefined) {
      this.state = { is: 'ending', end };
      return;
    }
    this.state = { is: 'over' };
    end();
  }

  /** The caller has cancelled. The call is served until its iterables have stopped. */
  private cancel(): void {
    this.unsubscribe();
    const complete = (): void => this.responder.complete();
    const iterables = iterablesOf(this.context);
    this.endWith(iterables === undefined ? complete : () => iterables.whenStopped(complete));
    if (this.reading === undefined) return;
    const { iterator, waiting } = this.reading;
    this.drop(waiting.splice(0));
    if (iterator !== undefined) void letGo(iterator, this.report);
  }

  /** Unsubscribes from the source. Its teardown is application code, and may throw. */
  private unsubscribe(): void {
    try {
      this.source?.unsubscribe();
    } catch (error) {
      this.report(error);
    }
  }

  private drop(values: readonly unknown[]): void {
    for (const value of values) if (isAsyncIterable(value)) endUnread(value, this.report);
  }
}
