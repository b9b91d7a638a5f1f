import type { Clock } from '../clock.js';
import { N2NError } from '../n2n-error.js';
import type { IncomingCall } from './incoming-call.js';

/** As many calls may wait for each that is served at once. */
const WAITING_PER_SERVED = 64;

/** As many calls that are no longer waiting may stand in front of those that are. */
const COMPACT_AT = 1024;

/**
 * Calls of the other side that are served at once, and those that wait for it, in the order in which they came. Both
 * numbers are bounded, so that a caller that is faster than the handlers costs bounded memory.
 */
export class ServingQueue {
  /** Called whenever the last event has been served, once somebody wants to know. */
  onNoEvents: (() => void) | undefined = undefined;
  private serving = 0;
  /** Events that wait or are served: they go on when nobody is there any more who has sent them. */
  private events = 0;
  private waiting: IncomingCall[] = [];
  private nextWaiting = 0;
  /** Whether `startWaiting` is at work: calls that end at once must not start the next from within. */
  private isStarting = false;

  /**
   * @param maxServing calls served at once
   * @param serve begins to serve a call
   */
  constructor(
    private readonly maxServing: number,
    private readonly clock: Clock,
    private readonly serve: (call: IncomingCall) => void,
  ) {}

  /** Whether events wait or are served. */
  get hasEvents(): boolean {
    return this.events > 0;
  }

  /** @returns false when there is no room for the call */
  add(call: IncomingCall): boolean {
    const hasTurn = this.serving < this.maxServing;
    if (!hasTurn && this.waiting.length - this.nextWaiting >= this.maxServing * WAITING_PER_SERVED)
      return false;
    if (isEvent(call)) this.events += 1;
    if (hasTurn) this.start(call);
    else this.waiting.push(call);
    return true;
  }

  /** The handlers are done with a call. */
  onServed(call: IncomingCall): void {
    this.serving -= 1;
    if (isEvent(call)) {
      this.events -= 1;
      if (this.events === 0) this.onNoEvents?.();
    }
    if (this.waiting.length > 0 && !this.isStarting) this.startWaiting();
  }

  /** Nobody waits for an answer any more. What is being served still is, and events that have come get their turn. */
  clear(): void {
    this.waiting = this.waiting.slice(this.nextWaiting).filter(isEvent);
    this.nextWaiting = 0;
  }

  private startWaiting(): void {
    this.isStarting = true;
    while (this.serving < this.maxServing && this.nextWaiting < this.waiting.length) {
      const next = this.waiting[this.nextWaiting++];
      if (next.isOver) continue;
      if (next.expiresAt <= this.clock.now()) next.fail(expired(next));
      else this.start(next);
    }
    // A queue that is never empty must not keep what it has been through.
    if (this.nextWaiting === this.waiting.length || this.nextWaiting >= COMPACT_AT) {
      this.waiting = this.waiting.slice(this.nextWaiting);
      this.nextWaiting = 0;
    }
    this.isStarting = false;
  }

  private start(call: IncomingCall): void {
    this.serving += 1;
    call.start();
    this.serve(call);
  }
}

function isEvent(call: IncomingCall): boolean {
  return call.content.kind === 'event';
}

/** The caller has given up already, or is about to: the work would be for nobody. */
function expired(call: IncomingCall): N2NError {
  return new N2NError('TIMEOUT', `The time for "${call.pattern}" had passed before its turn came.`);
}
