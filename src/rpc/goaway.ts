import { N2NError } from '../n2n-error.js';
import { FLAG_ANSWER, GOAWAY_BODY_BYTES, SESSION_ID } from '../protocol/frames/frame.js';
import { readU32 } from '../protocol/buffers/u32.js';
import type { Session } from '../session/session.js';
import type { IncomingCalls } from './incoming/incoming-calls.js';
import type { OutgoingCalls } from './outgoing/outgoing-calls.js';
import type { ServingQueue } from './admission/serving-queue.js';

/** The peer, as its GOAWAY sees it. */
export interface GoAwayEvents {
  /** Whether calls of either side are active, or bytes of them wait to be sent. */
  readonly isBusy: boolean;
  /** See `PeerEvents.onGoAway`. */
  onGoAway(retryAfter: number): void;
  /** See `PeerEvents.onDrained`. */
  onDrained(): void;
}

/** The calls that a drain waits for. */
interface DrainedWork {
  readonly outgoing: OutgoingCalls;
  readonly incoming: IncomingCalls;
  readonly queue: ServingQueue;
}

/**
 * Draining. The side that is about to close says GOAWAY; the other one answers it and makes no new call. Calls that the
 * other side made before it read GOAWAY are still taken. Both sides wait until no call is active.
 */
export class GoAway {
  /** Which calls of the other side this side takes. Calls may be on their way until the other side answers GOAWAY. */
  private takes: 'calls' | 'calls-on-their-way' | 'no-calls' = 'calls';
  private isReceived = false;
  /** Checks for the end of the drain, once a GOAWAY was written. Does nothing before. */
  checkSoon: () => void = () => {};

  constructor(
    private readonly session: Session,
    private readonly work: DrainedWork,
    private readonly defer: (task: () => void) => void,
    private readonly events: GoAwayEvents,
  ) {}

  /** Whether this side takes new calls of the other side. */
  get takesCalls(): boolean {
    return this.takes !== 'no-calls';
  }

  /** Whether neither side is about to close. */
  get isUnsaid(): boolean {
    return !this.isReceived && this.takes === 'calls';
  }

  /** @throws N2NError `DRAINING` when the other side takes no new calls */
  assertMayCall(): void {
    if (this.isReceived && this.session.isOpen) {
      throw new N2NError(
        'DRAINING',
        'The other side is about to close, and takes no new calls. Call another, or later.',
      );
    }
  }

  /** Says GOAWAY. @param retryAfter when the other side may call again, in milliseconds; 0 for any time */
  say(retryAfter: number): void {
    if (this.takes !== 'calls' || !this.session.isOpen) return;
    this.takes = 'calls-on-their-way';
    this.writeBehindCalls(0, retryAfter);
  }

  /** GOAWAY. @throws N2NError `PROTOCOL_ERROR` */
  onFrame(flags: number, id: number, chunk: Buffer, from: number, to: number): void {
    if (id !== SESSION_ID || to - from !== GOAWAY_BODY_BYTES)
      throw new N2NError('PROTOCOL_ERROR', 'A GOAWAY is not as it must be.');
    if ((flags & FLAG_ANSWER) !== 0) {
      if (this.takes !== 'calls-on-their-way') return;
      this.takes = 'no-calls';
      this.checkSoon();
    } else if (!this.isReceived) {
      this.isReceived = true;
      this.events.onGoAway(readU32(chunk, from));
      this.writeBehindCalls(FLAG_ANSWER, 0);
    }
  }

  /**
   * Writes GOAWAY after all requests and events in fragments: the other side may end the session when it has read
   * GOAWAY.
   */
  private writeBehindCalls(flags: number, retryAfter: number): void {
    this.work.outgoing.whenAllLeft(() => {
      this.session.writerForReply().writeGoAway(flags, retryAfter);
      this.session.flushSoon();
      this.watchForEnd();
    });
  }

  private watchForEnd(): void {
    const check = (): void => {
      // Calls that the other side made before it read GOAWAY may still be on their way.
      if (this.session.isOpen && !this.events.isBusy && this.takes !== 'calls-on-their-way')
        this.events.onDrained();
    };
    const { outgoing, incoming, queue } = this.work;
    // Later, because the last answer is still being read and has not reached its sink.
    this.checkSoon = () => this.defer(check);
    outgoing.onEmpty = this.checkSoon;
    incoming.onEmpty = this.checkSoon;
    queue.onNoEvents = this.checkSoon;
    this.checkSoon();
  }
}
