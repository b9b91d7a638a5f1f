import type { Clock } from '../../clock.js';
import { isCallTraced } from '../../diagnostics.js';
import { N2NError } from '../../n2n-error.js';
import { MAX_WAITING_PER_SERVED } from '../../limits.js';
import { Fifo } from '../../protocol/buffers/fifo.js';
import type { IncomingCall } from '../incoming/incoming-call.js';

/** How many abandoned calls may stand among those that wait, before they are removed. */
const COMPACT_AT = 1024;

/** Runs the handlers of calls. */
export interface CallServer {
  serve(call: IncomingCall): void;
  /** Whether answers can be sent: answers for a side that does not read would only pile up. */
  canAnswer(): boolean;
}

/**
 * Limits how many calls of the other side are served at once. Other calls wait, in order of arrival. Both numbers are
 * limited, so that a caller that is faster than the handlers costs limited memory.
 */
export class ServingQueue {
  /** Called when the last event has been served, if set. */
  onNoEvents: (() => void) | undefined = undefined;
  private serving = 0;
  /** Events that wait or are being served. They continue when their sender is gone. */
  private events = 0;
  private readonly waiting = new Fifo<IncomingCall>();
  /** How many of the waiting calls have callers that have given up. */
  private abandoned = 0;
  /** Whether `startWaiting` is running: a call that ends at once must not start the next one recursively. */
  private isStarting = false;

  /** @param maxServing how many calls are served at once */
  constructor(
    private maxServing: number,
    private readonly clock: Clock,
    private readonly server: CallServer,
  ) {}

  /** Whether events wait or are being served. */
  get hasEvents(): boolean {
    return this.events > 0;
  }

  /** Serves at most so many calls at once from now on. Running ones continue. */
  serveAtMost(maxServing: number): void {
    this.maxServing = maxServing;
  }

  /** @returns false when there is no room for the call */
  add(call: IncomingCall): boolean {
    const hasTurn = this.canStart && this.waiting.size === 0;
    if (!hasTurn && this.waitingCalls >= this.maxServing * MAX_WAITING_PER_SERVED) return false;
    if (isEvent(call)) this.events += 1;
    if (hasTurn) this.start(call);
    else this.enqueue(call);
    return true;
  }

  /** The caller of a waiting call has given up. */
  onAbandoned(): void {
    this.abandoned += 1;
    if (this.abandoned >= COMPACT_AT && this.abandoned > this.waitingCalls)
      this.keep(({ isOver }) => !isOver);
  }

  /** The handlers have ended a call. */
  onServed(call: IncomingCall): void {
    this.serving -= 1;
    if (isEvent(call)) {
      this.events -= 1;
      if (this.events === 0) this.onNoEvents?.();
    }
    this.startWaiting();
  }

  /** Starts waiting calls, as many as there is room for. */
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

  /** The session is over: forgets waiting calls. Waiting events are still served, and running handlers continue. */
  clear(): void {
    this.keep((call) => isEvent(call) && !call.isOver);
  }

  private get waitingCalls(): number {
    return this.waiting.size - this.abandoned;
  }

  private get canStart(): boolean {
    return this.serving < this.maxServing && this.server.canAnswer();
  }

  /** @param stays must be false for a call that is over */
  private keep(stays: (call: IncomingCall) => boolean): void {
    this.waiting.retain(stays);
    this.abandoned = 0;
  }

  private enqueue(call: IncomingCall): void {
    if (isCallTraced()) call.traced(this.clock, this.clock.now());
    this.waiting.push(call);
  }

  private start(call: IncomingCall): void {
    this.serving += 1;
    call.start();
    if (isCallTraced()) call.traced(this.clock).start();
    this.server.serve(call);
  }
}

function isEvent(call: IncomingCall): boolean {
  return call.content.kind === 'event';
}

/** The caller has given up, or is about to: nobody waits for the result. */
function expired(call: IncomingCall): N2NError {
  return new N2NError('TIMEOUT', `The time for "${call.pattern}" had passed before its turn came.`);
}
