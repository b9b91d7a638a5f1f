import { N2NError } from '../n2n-error.js';
import type { Codec } from '../protocol/values/codec.js';
import {
  FLAG_ANSWER,
  FLAG_MORE,
  FrameType,
  GOAWAY_BODY_BYTES,
  SESSION_ID,
  SKIPPABLE,
  type FrameType as FrameTypeValue,
} from '../protocol/frames/frame.js';
import { readU32 } from '../protocol/buffers/u32.js';
import { LONGEST_BODY } from '../protocol/frames/frame-writer.js';
import type { EncodedValue } from '../protocol/values/value.js';
import type { Link } from '../session/link.js';
import { Session, type SessionEvents, type SessionOptions } from '../session/session.js';
import { FlowTable } from './flow-control/flow-table.js';
import type { IncomingCall } from './incoming/incoming-call.js';
import { IncomingCalls } from './incoming/incoming-calls.js';
import type { CallSink, OutgoingCall } from './outgoing/outgoing-call.js';
import { OutgoingCalls, type CallOptions } from './outgoing/outgoing-calls.js';
import { ServingQueue, type CallServer } from './admission/serving-queue.js';

export interface PeerOptions extends Omit<SessionOptions, 'maxBacklog'> {
  /** The longest value taken from the other side, in bytes. */
  maxPayload: number;
  /** How values are written. */
  codec: Codec;
  /** How many calls and events of the other side are served at once. More wait in order. */
  maxInFlight: number;
}

/** Whoever owns the peer. */
export interface PeerEvents {
  /** A call or an event of the other side is to be handled now. */
  onCall(call: IncomingCall): void;
  /** What was to stop a handler threw: a fault of the application, to be logged. */
  onFault(error: unknown): void;
  /** The link has broken; calls go on over the next one. What is called meanwhile waits. */
  onSuspended(): void;
  /** The other side takes no new calls from now on. @param retryAfter when it may be asked again, in ms; 0 for as one likes */
  onGoAway(retryAfter: number): void;
  /** One of the sides takes no new calls, and no call of either is under way any more. */
  onDrained(): void;
  /** Nothing can be called any more; calls under way have failed with this error. Reported once. */
  onClosed(error: N2NError): void;
}

/** With more than this written and not taken by the link, no further call is served, in bytes. */
const MOST_UNANSWERED = 1024 * 1024;

/** What a pattern and metadata may add to a value in front of it, in bytes. */
const FRONT_ALLOWANCE = 256 * 1024;

/**
 * Calls in both directions over one session. Either side may call: the one that dialed counts its calls in odd
 * numbers, the other in even ones, so that an id alone says whose call it is.
 */
export class Peer implements SessionEvents, CallServer {
  private readonly session: Session;
  private readonly flows: FlowTable;
  private readonly outgoing: OutgoingCalls;
  private readonly incoming: IncomingCalls;
  private readonly queue: ServingQueue;
  private readonly defer: PeerOptions['defer'];
  /** The lowest bit of the ids of this side. */
  private readonly parity: number;
  /** Whether this side takes new calls: those that were made before the other side has read GOAWAY are still taken. */
  private takes: 'calls' | 'calls-on-their-way' | 'no-calls' = 'calls';
  /** Once one of the sides is about to close, and whenever a call has ended since. */
  private checkForEnd: () => void = () => {};
  /** Whether the other side does. */
  private isWelcome = true;

  constructor(
    private readonly events: PeerEvents,
    options: PeerOptions,
  ) {
    const { role, codec, clock, maxInFlight, maxPayload, defer } = options;
    this.defer = defer;
    this.parity = role === 'dialer' ? 1 : 0;
    // The answers of all calls that are served at once, each in one frame, are more than may wait of calls.
    const maxBacklog = options.maxPending + maxInFlight * LONGEST_BODY;
    this.session = new Session(this, { ...options, maxBacklog });
    this.flows = new FlowTable(this.session, maxPayload + FRONT_ALLOWANCE);
    this.outgoing = new OutgoingCalls(this.session, this.flows, codec, role === 'dialer' ? 1 : 2, clock);
    this.queue = new ServingQueue(maxInFlight, clock, this);
    this.incoming = new IncomingCalls(this.session, this.flows, codec, this.queue, clock, events);
  }

  /** Speaks over this link from now on. See `Session.attach`. */
  attach(link: Link): void {
    this.session.attach(link);
  }

  /** See `Session.canResumeFrom`. */
  canResumeFrom(received: number): boolean {
    return this.session.canResumeFrom(received);
  }

  /** How many bytes of the session have come. */
  get received(): number {
    return this.session.received;
  }

  /** Whether a call that is made leaves now, and neither side is about to close. */
  get canCall(): boolean {
    return this.isWelcome && this.takes === 'calls' && this.session.isLinked;
  }

  /** Whether handlers of this side are at work for the other, or calls of either wait for an answer. */
  get isBusy(): boolean {
    return (
      !this.outgoing.isEmpty ||
      !this.incoming.isEmpty ||
      this.queue.hasEvents ||
      this.flows.isReceiving ||
      (this.session.isLinked && this.session.unsentBytes > 0)
    );
  }

  /** See `ServingQueue.serveAtMost`. */
  serveAtMost(maxInFlight: number): void {
    this.queue.serveAtMost(maxInFlight);
  }

  /** Calls back once the events that have come are handled: that goes on when the session is over. */
  whenEventsServed(callback: () => void): void {
    if (!this.queue.hasEvents) callback();
    else this.queue.onNoEvents = callback;
  }

  /**
   * Takes no new calls, once the other side knows it, and lets those under way end: `onDrained` tells when.
   * @param retryAfter when the other side may ask again, in milliseconds; 0 for as it likes
   */
  drain(retryAfter = 0): void {
    if (this.takes !== 'calls' || !this.session.isOpen) return;
    this.takes = 'calls-on-their-way';
    // The other side may end the session as soon as it has read that: what is leaving in fragments is to come first.
    this.outgoing.whenAllLeft(() => {
      this.sayGoAway(0, retryAfter);
      this.watchForEnd();
    });
  }

  /**
   * Calls a handler of the other side.
   *
   * @throws N2NError `PAYLOAD_TOO_LARGE`, `OVERLOADED`, `DRAINING`: the call was not made
   */
  call(pattern: string, value: EncodedValue, sink: CallSink, options: CallOptions): OutgoingCall {
    if (!this.isWelcome && this.session.isOpen) throw draining();
    return this.outgoing.call(pattern, value, sink, options);
  }

  /**
   * Tells the other side of an event: it is written, and at most once handled.
   *
   * @throws N2NError `PAYLOAD_TOO_LARGE`, `OVERLOADED`, `DRAINING`: the event was not sent
   */
  emit(pattern: string, value: EncodedValue, metadata: string | undefined): void {
    if (!this.isWelcome && this.session.isOpen) throw draining();
    this.outgoing.emit(pattern, value, metadata);
  }

  /** @internal Called by the queue. */
  serve(call: IncomingCall): void {
    this.events.onCall(call);
  }

  /** @internal Called by the queue. */
  canAnswer(): boolean {
    return this.session.unsentBytes <= MOST_UNANSWERED;
  }

  /** Ends the session, and with it every call of either side. */
  close(error: N2NError): void {
    this.session.close(error);
  }

  onSuspended(): void {
    this.events.onSuspended();
  }

  onWritable(): boolean {
    this.queue.startWaiting();
    this.checkForEnd();
    return this.flows.pull() || this.session.unsentBytes > 0;
  }

  onClosed(error: N2NError): void {
    this.incoming.abandon(error);
    this.flows.clear();
    this.outgoing.fail(error);
    this.events.onClosed(error);
  }

  onFrame(type: number, flags: number, id: number, chunk: Buffer, from: number, to: number): void {
    const more = (flags & FLAG_MORE) !== 0;
    if ((!more || type >= SKIPPABLE) && !this.flows.isUnderWay(type, id)) {
      this.onWholeFrame(type, flags, id, chunk, from, to, false);
    } else if (this.isWanted(type, id)) {
      const whole = this.flows.takeFragment(type, id, chunk, from, to, !more);
      if (whole === undefined) this.outgoing.onSign(id);
      else this.onWholeFrame(type, flags, id, whole, 0, whole.length, true);
    }
  }

  /** Whether anyone waits for what comes in fragments: the call may be over. */
  private isWanted(type: number, id: number): boolean {
    if (type === FrameType.REQUEST || type === FrameType.EVENT) return true;
    return this.isOurs(id) ? this.outgoing.has(id) : this.incoming.takesPayload(id);
  }

  private onWholeFrame(
    type: number,
    flags: number,
    id: number,
    chunk: Buffer,
    from: number,
    to: number,
    isReassembled: boolean,
  ): void {
    const isOurs = this.isOurs(id);
    switch (type as FrameTypeValue) {
      case FrameType.NEXT:
        if (isOurs) this.outgoing.onNext(flags, id, chunk, from, to, isReassembled);
        else this.incoming.onPayloadNext(flags, id, chunk, from, to, isReassembled);
        return;
      case FrameType.REQUEST:
      case FrameType.EVENT:
        if (isOurs) throw new N2NError('PROTOCOL_ERROR', `The id ${id} is not the other side's to use.`);
        this.incoming.onRequest(type, flags, id, chunk, from, to, this.takes !== 'no-calls');
        return;
      case FrameType.COMPLETE:
        if (isOurs) this.outgoing.onComplete(id);
        else this.incoming.onPayloadComplete(id);
        return;
      case FrameType.ERROR:
        if (isOurs) this.outgoing.onError(flags, id, chunk, from, to);
        else this.incoming.onPayloadError(flags, id, chunk, from, to);
        return;
      case FrameType.CANCEL:
        if (isOurs) this.outgoing.onPayloadCancelled(id);
        else this.incoming.onCancel(id);
        return;
      case FrameType.CREDIT:
        this.onCredit(id, chunk, from, to);
        return;
      case FrameType.GOAWAY:
        this.onGoAway(flags, id, chunk, from, to);
        return;
      case FrameType.HELLO:
      case FrameType.ACK:
        throw new N2NError('PROTOCOL_ERROR', `A frame of type ${type} is the session's, not that of a call.`);
    }
    if ((type & SKIPPABLE) === 0) {
      throw new N2NError(
        'PROTOCOL_ERROR',
        `A frame of type ${type} is not known here, and not marked as skippable.`,
      );
    }
  }

  private onCredit(id: number, chunk: Buffer, from: number, to: number): void {
    if (to - from !== 8)
      throw new N2NError('PROTOCOL_ERROR', `CREDIT has ${to - from} bytes in place of eight.`);
    this.outgoing.onSign(id);
    // Credit for a call that is over may still have been under way.
    const isKnown = this.isOurs(id) ? this.outgoing.takesCredit(id) : this.incoming.has(id);
    if (isKnown) this.flows.sendWindow(id).grant(readU32(chunk, from), readU32(chunk, from + 4));
  }

  private onGoAway(flags: number, id: number, chunk: Buffer, from: number, to: number): void {
    if (id !== SESSION_ID || to - from !== GOAWAY_BODY_BYTES)
      throw new N2NError('PROTOCOL_ERROR', 'A GOAWAY is not as it must be.');
    if ((flags & FLAG_ANSWER) !== 0) {
      if (this.takes !== 'calls-on-their-way') return;
      this.takes = 'no-calls';
      this.checkForEnd();
    } else if (this.isWelcome) {
      this.isWelcome = false;
      this.events.onGoAway(readU32(chunk, from));
      this.outgoing.whenAllLeft(() => {
        this.sayGoAway(FLAG_ANSWER, 0);
        this.watchForEnd();
      });
    }
  }

  private sayGoAway(flags: number, retryAfter: number): void {
    this.session.writerForReply().writeGoAway(flags, retryAfter);
    this.session.flushSoon();
  }

  /** Nothing new comes in at least one direction: what is under way is told when it has ended. */
  private watchForEnd(): void {
    const tell = (): void => {
      // Calls that were made before GOAWAY was read may still be on their way.
      if (this.session.isOpen && !this.isBusy && this.takes !== 'calls-on-their-way') this.events.onDrained();
    };
    // Not at once: the last answer is just being read, and has not reached its sink.
    this.checkForEnd = () => this.defer(tell);
    this.outgoing.onEmpty = this.checkForEnd;
    this.incoming.onEmpty = this.checkForEnd;
    this.queue.onNoEvents = this.checkForEnd;
    this.checkForEnd();
  }

  private isOurs(id: number): boolean {
    return (id & 1) === this.parity;
  }
}

function draining(): N2NError {
  return new N2NError(
    'DRAINING',
    'The other side is about to close, and takes no new calls. Call another, or later.',
  );
}
