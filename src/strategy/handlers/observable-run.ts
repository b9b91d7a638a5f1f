import type { Observable, Unsubscribable } from 'rxjs';
import { N2NError } from '../../n2n-error.js';
import { MAX_VALUES_BEHIND_ITERABLE } from '../../limits.js';
import { iteratorOf, letGo } from '../../rpc/streams/stream-iterator.js';
import { pumpValues } from '../../rpc/streams/stream-target.js';
import { iterablesOf } from '../pipeline/call-iterables.js';
import { errorForCaller, type ReportError } from './handler-error.js';
import { isAsyncIterable } from './is-async-iterable.js';
import type { Responder } from './responder.js';

/**
 * - `open`: values come
 * - `ending`: none comes any more; once the iterable under way is through, with what stands behind it, so is the call
 * - `over`
 */
type State =
  { readonly is: 'open' } | { readonly is: 'ending'; readonly end: () => void } | { readonly is: 'over' };

/** An iterable among the values, and those that came after it. */
interface Reading {
  iterator: AsyncIterator<unknown> | undefined;
  readonly waiting: unknown[];
}

/**
 * An Observable that a handler gave. What it errors with has been through Nest's exception filters, and is for the caller
 * as it is. The values of an async iterable among its values come in its place, in order.
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
    // What ended it may have come before there was anything to unsubscribe from.
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
      `More than ${MAX_VALUES_BEHIND_ITERABLE} values of an Observable stand behind an iterable among them.`,
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

  /** The caller wants no more. The call is being served until its iterables have stopped. */
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

  /** Ends the source, whose teardown is an application's code. */
  private unsubscribe(): void {
    try {
      this.source?.unsubscribe();
    } catch (error) {
      this.report(error);
    }
  }

  private drop(values: readonly unknown[]): void {
    for (const value of values) if (isAsyncIterable(value)) void letGo(iteratorOf(value), this.report);
  }
}
