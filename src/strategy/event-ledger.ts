import type { IncomingCall } from '../peer/incoming-call.js';
import type { Responder } from './responder.js';

/** As many events are remembered; the oldest are forgotten first. */
const MOST_REMEMBERED = 100_000;

type Outcome =
  | { readonly is: 'running'; readonly waiting: IncomingCall[] }
  | { readonly is: 'done' }
  | { readonly is: 'failed'; readonly error: unknown };

/**
 * Acknowledged events by their keys, so that one which is sent again, because its acknowledgement was lost on the way,
 * is not handled again: whoever repeats it gets the outcome of the first time.
 */
export class EventLedger {
  private readonly outcomes = new Map<string, Outcome>();

  /** @param run handles the event; called only if it is new */
  take(key: string, call: IncomingCall, run: (responder: Responder) => void): void {
    const known = this.outcomes.get(key);
    if (known === undefined) {
      this.outcomes.set(key, { is: 'running', waiting: [] });
      if (this.outcomes.size > MOST_REMEMBERED) this.forgetOldest();
      run(new LedgerResponder(call, (outcome) => this.settle(key, outcome)));
      return;
    }
    if (known.is === 'running') known.waiting.push(call);
    else answer(call, known);
  }

  private settle(key: string, outcome: Exclude<Outcome, { is: 'running' }>): void {
    const running = this.outcomes.get(key);
    this.outcomes.set(key, outcome);
    if (running?.is === 'running') for (const call of running.waiting) answer(call, outcome);
  }

  private forgetOldest(): void {
    for (const key of this.outcomes.keys()) {
      this.outcomes.delete(key);
      return;
    }
  }
}

function answer(call: IncomingCall, outcome: Exclude<Outcome, { is: 'running' }>): void {
  if (outcome.is === 'done') call.complete();
  else call.fail(outcome.error);
}

/**
 * Where the outcome of an acknowledged event goes: to the ledger, and to its sender. A sender that is gone does not stop
 * the handlers: it is going to ask again.
 */
class LedgerResponder implements Responder {
  readonly isStopped = false;
  readonly isReady = true;

  constructor(
    private readonly call: IncomingCall,
    private readonly settle: (outcome: { is: 'done' } | { is: 'failed'; error: unknown }) => void,
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
