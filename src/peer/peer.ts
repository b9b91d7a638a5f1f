import { N2NError } from '../n2n-error.js';
import { readU32 } from '../protocol/chunk-reader.js';
import type { Codec } from '../protocol/codec.js';
import { FLAG_MORE, FrameType, SKIPPABLE, type FrameType as FrameTypeValue } from '../protocol/frame.js';
import type { EncodedValue } from '../protocol/value.js';
import type { Link } from '../session/link.js';
import { Session, type SessionEvents, type SessionOptions } from '../session/session.js';
import { Flows } from './flows.js';
import type { IncomingCall } from './incoming-call.js';
import { IncomingCalls } from './incoming-calls.js';
import type { CallSink, OutgoingCall } from './outgoing-call.js';
import { OutgoingCalls, type CallOptions } from './outgoing-calls.js';
import { ServingQueue } from './serving-queue.js';

export interface PeerOptions extends Omit<SessionOptions, 'codec'> {
  /** How values are written. */
  codec: Codec;
  /** How many calls and events of the other side are served at once. More wait in order. */
  maxInFlight: number;
}

/** Whoever owns the peer. */
export interface PeerEvents {
  /** Calls may be made. */
  onOpen(): void;
  /** A call or an event of the other side is to be handled now. */
  onCall(call: IncomingCall): void;
  /** What was to stop a handler threw: a fault of the application, to be logged. */
  onFault(error: unknown): void;
  /** Nothing can be called any more; calls under way have failed with this error. Reported once. */
  onClosed(error: N2NError): void;
}

/** What a pattern and metadata may add to a value in front of it, in bytes. */
const FRONT_ALLOWANCE = 256 * 1024;

/**
 * Calls in both directions over one session. Either side may call: the one that dialled counts its calls in odd
 * numbers, the other in even ones, so that an id alone says whose call it is.
 */
export class Peer implements SessionEvents {
  private readonly session: Session;
  private readonly flows: Flows;
  private readonly outgoing: OutgoingCalls;
  private readonly incoming: IncomingCalls;
  /** The lowest bit of the ids of this side. */
  private readonly parity: number;

  constructor(
    private readonly events: PeerEvents,
    options: PeerOptions,
  ) {
    const { role, codec, clock, maxInFlight, maxPayload } = options;
    this.parity = role === 'dialer' ? 1 : 0;
    this.session = new Session(this, { ...options, codec: codec.name });
    this.flows = new Flows(this.session, maxPayload + FRONT_ALLOWANCE);
    this.outgoing = new OutgoingCalls(this.session, this.flows, codec, role === 'dialer' ? 1 : 2, clock);
    const queue = new ServingQueue(maxInFlight, clock, (call) => events.onCall(call));
    this.incoming = new IncomingCalls(this.session, this.flows, codec, queue, clock, (error) =>
      events.onFault(error),
    );
  }

  /** Begins to speak over a link. Called once. */
  open(link: Link): void {
    this.session.open(link);
  }

  get isOpen(): boolean {
    return this.session.isOpen;
  }

  /**
   * Calls a handler of the other side.
   *
   * @throws N2NError `PAYLOAD_TOO_LARGE`, `OVERLOADED`: the call was not made
   */
  call(pattern: string, value: EncodedValue, sink: CallSink, options: CallOptions): OutgoingCall {
    return this.outgoing.call(pattern, value, sink, options);
  }

  /**
   * Tells the other side of an event: it is written, and at most once handled.
   *
   * @throws N2NError `PAYLOAD_TOO_LARGE`, `OVERLOADED`: the event was not sent
   */
  emit(pattern: string, value: EncodedValue, metadata: string | undefined): void {
    this.outgoing.emit(pattern, value, metadata);
  }

  /** Ends the session, and with it every call of either side. */
  close(error: N2NError): void {
    this.session.close(error);
  }

  onOpen(): void {
    this.events.onOpen();
  }

  onWritable(): boolean {
    return this.flows.pull();
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
      const whole = this.flows.takeFragment(type, id, chunk.subarray(from, to), !more);
      if (whole === undefined) this.outgoing.touch(id);
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
        this.incoming.onRequest(type, flags, id, chunk, from, to);
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
      case FrameType.HELLO:
        throw new N2NError('PROTOCOL_ERROR', 'HELLO stands only at the beginning.');
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
    this.outgoing.touch(id);
    // Credit for a call that is over may still have been under way.
    const isKnown = this.isOurs(id) ? this.outgoing.has(id) : this.incoming.has(id);
    if (isKnown) this.flows.out(id).grant(readU32(chunk, from), readU32(chunk, from + 4));
  }

  private isOurs(id: number): boolean {
    return (id & 1) === this.parity;
  }
}
