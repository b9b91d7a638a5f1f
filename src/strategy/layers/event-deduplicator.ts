import { MAX_REMEMBERED_EVENTS } from '../../limits.js';
import type { IncomingCall } from '../../rpc/incoming/incoming-call.js';
import type { Responder } from '../handlers/responder.js';

type Outcome = { readonly is: 'done' } | { readonly is: 'failed'; readonly error: unknown };

/**
 * Acknowledged events by their keys, so that one which is sent again, because its acknowledgement was lost on the way,
 * is not handled again: whoever repeats it gets the outcome of the first time.
 */
export class EventDeduplicator {
  /** Those that are being handled, with the calls that repeat them. All of these count among those that are served. */
  private readonly running = new Map<string, IncomingCall[]>();
  private readonly outcomes = new Map<string, Outcome>();

  /** @param run handles the event; called only if it is new */
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
 * Where the outcome of an acknowledged event goes: to the deduplicator, and to its sender. A sender that is gone does not stop
 * the handlers: it is going to ask again.
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
