import type { Clock } from '../../clock.js';
import { N2NError } from '../../n2n-error.js';
import { Fifo } from '../../protocol/buffers/fifo.js';
import type { IncomingCall } from '../incoming/incoming-call.js';

/** As many calls may wait for each that is served at once. */
const WAITING_PER_SERVED = 64;

/** How many abandoned calls may stand among those that wait, before they are removed. */
const COMPACT_AT = 1024;

/** Begins to serve calls, while there is any sense in it. */
export interface CallServer {
  serve(call: IncomingCall): void;
  /** Whether answers leave: to serve a side that does not read would only pile them up. */
  canAnswer(): boolean;
}

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
  private readonly waiting = new Fifo<IncomingCall>();
  /** Calls that stand among the waiting ones, and whose callers have given up. */
  private abandoned = 0;
  /** Whether `startWaiting` is at work: calls that end at once must not start the next from within. */
  private isStarting = false;

  /** @param maxServing calls served at once */
  constructor(
    private maxServing: number,
    private readonly clock: Clock,
    private readonly server: CallServer,
  ) {}

  /** Whether events wait or are served. */
  get hasEvents(): boolean {
    return this.events > 0;
  }

  /** Serves as many calls at once from now on; those that are served already go on. */
  serveAtMost(maxServing: number): void {
    this.maxServing = maxServing;
  }

  /** @returns false when there is no room for the call */
  add(call: IncomingCall): boolean {
    const hasTurn = this.canStart && this.waiting.size === 0;
    if (!hasTurn && this.waitingCalls >= this.maxServing * WAITING_PER_SERVED) return false;
    if (isEvent(call)) this.events += 1;
    if (hasTurn) this.start(call);
    else this.waiting.push(call);
    return true;
  }

  /** The caller of a call that waits wants no answer any more. */
  onAbandoned(): void {
    this.abandoned += 1;
    if (this.abandoned >= COMPACT_AT && this.abandoned > this.waitingCalls)
      this.keep(({ isOver }) => !isOver);
  }

  /** The handlers are done with a call. */
  onServed(call: IncomingCall): void {
    this.serving -= 1;
    if (isEvent(call)) {
      this.events -= 1;
      if (this.events === 0) this.onNoEvents?.();
    }
    this.startWaiting();
  }

  /** Begins to serve those that wait, as far as they may. */
  startWaiting(): void {
    if (this.isStarting || this.waiting.size === 0) return;
    this.isStarting = true;
    while (this.canStart) {
      const next = this.waiting.shift();
      if (next === undefined) break;
      if (next.isOver) this.abandoned -= 1;
      else if (next.expiresAt <= this.clock.now()) next.fail(expired(next));
      else this.start(next);
    }
    this.isStarting = false;
  }

  /** Nobody waits for an answer any more. What is being served still is, and events that have come get their turn. */
  clear(): void {
    this.keep((call) => isEvent(call) && !call.isOver);
  }

  private get waitingCalls(): number {
    return this.waiting.size - this.abandoned;
  }

  private get canStart(): boolean {
    return this.serving < this.maxServing && this.server.canAnswer();
  }

  /** @param stays false for each call that is over, at least */
  private keep(stays: (call: IncomingCall) => boolean): void {
    this.waiting.retain(stays);
    this.abandoned = 0;
  }

  private start(call: IncomingCall): void {
    this.serving += 1;
    call.start();
    this.server.serve(call);
  }
}

function isEvent(call: IncomingCall): boolean {
  return call.content.kind === 'event';
}

/** The caller has given up already, or is about to: the work would be for nobody. */
function expired(call: IncomingCall): N2NError {
  return new N2NError('TIMEOUT', `The time for "${call.pattern}" had passed before its turn came.`);
}
