import { publishError, publishShed, SessionTrace, type SessionInfo } from '../diagnostics.js';
import { N2NError } from '../n2n-error.js';
import { HEADER_ALLOWANCE_BYTES, MAX_UNANSWERED_BYTES, MAX_WHOLE_BODY_BYTES } from '../limits.js';
import {
  FLAG_MORE,
  FrameType,
  SKIPPABLE,
  type FrameType as FrameTypeValue,
} from '../protocol/frames/frame.js';
import { readU32 } from '../protocol/buffers/u32.js';
import type { EncodedValue } from '../protocol/values/value.js';
import type { Link } from '../session/link.js';
import type { SessionEvents } from '../session/session-options.js';
import { Session } from '../session/session.js';
import { GoAway, type GoAwayEvents } from './goaway.js';
import type { PeerEvents, PeerOptions } from './peer-options.js';
import { FlowTable } from './flow-control/flow-table.js';
import type { IncomingCall } from './incoming/incoming-call.js';
import { IncomingCalls } from './incoming/incoming-calls.js';
import type { CallSink, OutgoingCall } from './outgoing/outgoing-call.js';
import type { CallOptions } from './outgoing/call-options.js';
import { OutgoingCalls } from './outgoing/outgoing-calls.js';
import { ServingQueue, type CallServer } from './admission/serving-queue.js';

/**
 * Calls in both directions over one session. The dialing side gives its calls odd ids, the other side even ones, so
 * that an id says whose call it is.
 */
export class Peer implements SessionEvents, CallServer, GoAwayEvents {
  /** @internal What the session is called in diagnostics. */
  readonly info: SessionInfo;
  private readonly session: Session;
  private readonly flows: FlowTable;
  private readonly outgoing: OutgoingCalls;
  private readonly incoming: IncomingCalls;
  private readonly queue: ServingQueue;
  private readonly goAway: GoAway;
  private readonly trace: SessionTrace;
  /** The lowest bit of this side's ids. */
  private readonly parity: number;

  constructor(
    private readonly events: PeerEvents,
    options: PeerOptions,
  ) {
    const { role, codec, clock, maxInFlight, maxPayload, defer } = options;
    this.info = options.info;
    this.trace = new SessionTrace(options.info);
    this.parity = role === 'dialer' ? 1 : 0;
    // Beyond the limit on calls there must be room for the answers of all calls in progress, each in one frame.
    const maxBacklog = options.maxPending + maxInFlight * MAX_WHOLE_BODY_BYTES;
    this.session = new Session(this, { ...options, maxBacklog });
    this.flows = new FlowTable(this.session, maxPayload + HEADER_ALLOWANCE_BYTES);
    const firstId = role === 'dialer' ? 1 : 2;
    this.outgoing = new OutgoingCalls(this.session, this.flows, codec, firstId, clock, this.info);
    this.queue = new ServingQueue(maxInFlight, clock, this);
    this.incoming = new IncomingCalls(this.session, this.flows, codec, this.queue, clock, this);
    const { outgoing, incoming, queue } = this;
    this.goAway = new GoAway(this.session, { outgoing, incoming, queue }, defer, this);
  }

  /** Uses this link from now on. See `Session.attach`. */
  attach(link: Link): void {
    this.session.attach(link);
  }

  /** See `Session.canResumeFrom`. */
  canResumeFrom(received: number): boolean {
    return this.session.canResumeFrom(received);
  }

  /** The number of bytes of the session that have come. */
  get received(): number {
    return this.session.received;
  }

  /** Whether a new call is sent now: there is a link, and neither side is about to close. */
  get canCall(): boolean {
    return this.goAway.isUnsaid && this.session.isLinked;
  }

  /** Whether handlers of this side are running, or calls of either side wait for an answer. */
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

  /** Calls back once all received events are handled, which continues after the session is over. */
  whenEventsServed(callback: () => void): void {
    if (!this.queue.hasEvents) callback();
    else this.queue.onNoEvents = callback;
  }

  /**
   * Tells the other side to make no new calls, and lets active calls end. `onDrained` follows.
   * @param retryAfter when the other side may call again, in milliseconds; 0 for any time
   */
  drain(retryAfter = 0): void {
    this.goAway.say(retryAfter);
  }

  /**
   * Calls a handler of the other side.
   *
   * @throws N2NError `PAYLOAD_TOO_LARGE`, `OVERLOADED`, `DRAINING`: the call was not made
   */
  call(pattern: string, value: EncodedValue, sink: CallSink, options: CallOptions): OutgoingCall {
    try {
      this.goAway.assertMayCall();
      return this.outgoing.call(pattern, value, sink, options);
    } catch (error) {
      publishShed(
        'client',
        options.key === undefined ? 'call' : 'acknowledged-event',
        pattern,
        this.info,
        error,
      );
      throw error;
    }
  }

  /**
   * Sends an event. The other side handles it at most once.
   *
   * @throws N2NError `PAYLOAD_TOO_LARGE`, `OVERLOADED`, `DRAINING`: the event was not sent
   */
  emit(pattern: string, value: EncodedValue, metadata: string | undefined): void {
    try {
      this.goAway.assertMayCall();
      this.outgoing.emit(pattern, value, metadata);
    } catch (error) {
      publishShed('client', 'event', pattern, this.info, error);
      throw error;
    }
  }

  /** @internal Called by the queue. */
  serve(call: IncomingCall): void {
    this.events.onCall(call);
  }

  /** @internal Called by the queue. */
  canAnswer(): boolean {
    return this.session.unsentBytes <= MAX_UNANSWERED_BYTES;
  }

  /** Ends the session, and with it every call of either side. */
  close(error: N2NError): void {
    this.session.close(error);
  }

  /** @internal Called by the calls of the other side: an event is lost, or code that stops a handler threw. */
  onFault(error: unknown): void {
    publishError(this.info, error);
    this.events.onFault(error);
  }

  /** @internal Called by `GoAway`. */
  onGoAway(retryAfter: number): void {
    this.events.onGoAway(retryAfter);
  }

  /** @internal Called by `GoAway`. */
  onDrained(): void {
    this.events.onDrained();
  }

  onAttached(replayed: number): void {
    this.trace.onAttached(replayed);
  }

  onSuspended(): void {
    this.trace.onSuspended();
    this.events.onSuspended();
  }

  onWritable(): boolean {
    this.queue.startWaiting();
    this.goAway.checkSoon();
    return this.flows.pull() || this.session.unsentBytes > 0;
  }

  onClosed(error: N2NError): void {
    this.trace.onClosed(error);
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

  /** Whether somebody waits for this body in fragments. Its call may be over. */
  private isWanted(type: number, id: number): boolean {
    if (type === FrameType.REQUEST || type === FrameType.EVENT) return true;
    return this.isOurs(id) ? this.outgoing.has(id) : this.incoming.payloads.has(id);
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
        else this.incoming.payloads.onNext(flags, id, chunk, from, to, isReassembled);
        return;
      case FrameType.REQUEST:
      case FrameType.EVENT:
        if (isOurs) throw new N2NError('PROTOCOL_ERROR', `The id ${id} is not the other side's to use.`);
        this.incoming.onRequest(type, flags, id, chunk, from, to, this.goAway.takesCalls);
        return;
      case FrameType.COMPLETE:
        if (isOurs) this.outgoing.onComplete(id);
        else this.incoming.payloads.onComplete(id);
        return;
      case FrameType.ERROR:
        if (isOurs) this.outgoing.onError(flags, id, chunk, from, to);
        else this.incoming.payloads.onError(flags, id, chunk, from, to);
        return;
      case FrameType.CANCEL:
        if (isOurs) this.outgoing.onPayloadCancelled(id);
        else this.incoming.onCancel(id);
        return;
      case FrameType.CREDIT:
        this.onCredit(id, chunk, from, to);
        return;
      case FrameType.GOAWAY:
        this.goAway.onFrame(flags, id, chunk, from, to);
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
    // Credit for a call that is over may still arrive.
    const isKnown = this.isOurs(id) ? this.outgoing.takesCredit(id) : this.incoming.has(id);
    if (isKnown) this.flows.sendWindow(id).grant(readU32(chunk, from), readU32(chunk, from + 4));
  }

  private isOurs(id: number): boolean {
    return (id & 1) === this.parity;
  }
}
