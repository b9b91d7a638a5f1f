import { Observable, ReplaySubject } from 'rxjs';
import { ContextSink } from './context-sink.js';
import type { CallSink } from '../rpc/outgoing/outgoing-call.js';

/**
 * The outcome of an event that could not be written immediately. A late subscriber gets it, too. An error that has no
 * subscriber at the end of its turn goes to `onUnobserved`, so that every lost event is reported.
 */
export class EventOutcome implements CallSink {
  /** Created on first use: most events are written immediately. */
  private subject: ReplaySubject<undefined> | undefined = undefined;
  private isObserved = false;
  private hasValue = false;

  constructor(private readonly onUnobserved: (error: unknown) => void) {}

  get observable(): Observable<undefined> {
    return new Observable((subscriber) => {
      this.isObserved = true;
      return this.outcome.subscribe(new ContextSink(subscriber));
    });
  }

  private get outcome(): ReplaySubject<undefined> {
    return (this.subject ??= new ReplaySubject<undefined>(1));
  }

  next(): void {
    this.hasValue = true;
    this.outcome.next(undefined);
  }

  /** An acknowledgement has no value, but `firstValueFrom` expects one, as for a plain event. */
  complete(): void {
    if (!this.hasValue) this.next();
    this.outcome.complete();
  }

  error(error: unknown): void {
    this.outcome.error(error);
    process.nextTick(() => {
      if (!this.isObserved) this.onUnobserved(error);
    });
  }
}
