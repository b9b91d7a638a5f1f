import { MAX_REMEMBERED_EVENTS } from '../../limits.js';
import type { IncomingCall } from '../../rpc/incoming/incoming-call.js';
import type { Responder } from '../handlers/responder.js';

type Outcome = { readonly is: 'done' } | { readonly is: 'failed'; readonly error: unknown };

/**
 * Remembers acknowledged events by their keys. An event is sent again if its acknowledgement was lost. It is not handled
 * again: the repeated event gets the outcome of the first one.
 */
export class EventDeduplicator {
  /** The events that are being handled, each with the calls that repeat it. All of these count as calls in flight. */
  private readonly running = new Map<string, IncomingCall[]>();
  private readonly outcomes = new Map<string, Outcome>();

  /** @param run handles the event; called only if the event is new */
  take(key: string, call: IncomingCall, run: (responder: Responder) => void): void {
    const outcome = this.outcomes.get(key);
    const repeating = this.running.get(key);
    if (outcome !== undefined) answer(call, outcome);
    else if (repeating !== undefined) repeating.push(call);
    else {
      this.running.set(key, []);
      run(new DeduplicatingResponder(call, (first) => this.settle(key, first)));
    }
  }

  private settle(key: string, outcome: Outcome): void {
    const repeating = this.running.get(key) ?? [];
    this.running.delete(key);
    this.outcomes.set(key, outcome);
    if (this.outcomes.size > MAX_REMEMBERED_EVENTS) this.forgetOldest();
    for (const call of repeating) answer(call, outcome);
  }

  private forgetOldest(): void {
    for (const key of this.outcomes.keys()) {
      this.outcomes.delete(key);
      return;
    }
  }
}

function answer(call: IncomingCall, outcome: Outcome): void {
  if (outcome.is === 'done') call.complete();
  else call.fail(outcome.error);
}

/**
 * Passes the outcome of an acknowledged event to the deduplicator and to the sender. The handlers continue if the sender
 * disconnects: it will send the event again.
 */
class DeduplicatingResponder implements Responder {
  readonly isStopped = false;
  readonly isReady = true;

  constructor(
    private readonly call: IncomingCall,
    private readonly settle: (outcome: Outcome) => void,
  ) {}

  whenReady(callback: () => void): void {
    callback();
  }

  next(): void {}

  whenCancelled(): void {}

  reply(): void {
    this.complete();
  }

  complete(): void {
    this.settle({ is: 'done' });
    this.call.complete();
  }

  fail(error: unknown): void {
    this.settle({ is: 'failed', error });
    this.call.fail(error);
  }
}
