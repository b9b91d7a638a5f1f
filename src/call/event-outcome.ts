import { Observable, ReplaySubject } from 'rxjs';
import { ContextSink } from './context-sink.js';
import type { CallSink } from '../rpc/outgoing/outgoing-call.js';

/**
 * What became of an event that could not be written at once. Whoever subscribes is told, also afterwards; an error that
 * nobody had subscribed to by the end of its turn goes to `onUnobserved`, so that no event vanishes in silence.
 */
export class EventOutcome implements CallSink {
  /** Made only for an event that somebody has to be told of: most are written at once. */
  private told: ReplaySubject<undefined> | undefined = undefined;
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
    return (this.told ??= new ReplaySubject<undefined>(1));
  }

  next(): void {
    this.hasValue = true;
    this.outcome.next(undefined);
  }

  /** The acknowledgement of an event has no value of its own: `firstValueFrom` waits for one, as of a plain event. */
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
