import type { Clock } from '../clock.js';
import { N2NError, isN2NErrorCode } from '../n2n-error.js';
import {
  FLAG_LAST,
  FLAG_MORE,
  FLAG_SYSTEM,
  FrameType,
  MAX_ID,
  SKIPPABLE,
  VALUE_FORM_MASK,
  type FrameType as FrameTypeValue,
} from '../protocol/frame.js';
import { Reassembly } from '../protocol/reassembly.js';
import { readRequestFront } from '../protocol/request-body.js';
import type { RequestHead } from '../protocol/chunk-writer.js';
import { decodeValue, encodeValue, type EncodedValue } from '../protocol/value.js';
import type { Link } from '../session/link.js';
import { Session, type SessionEvents, type SessionOptions } from '../session/session.js';
import { Deadlines } from './deadlines.js';
import { IncomingCall, type ReplyPort } from './incoming-call.js';
import { OutgoingCall, type CallOwner, type CallSink } from './outgoing-call.js';
import { ServingQueue } from './serving-queue.js';

export interface PeerOptions extends SessionOptions {
  /** How many calls and events of the other side are served at once. More wait in order. */
  maxInFlight: number;
  clock: Clock;
}

/** Whoever owns the peer. */
export interface PeerEvents {
  /** Calls may be made. */
  onOpen(): void;
  /** A call or an event of the other side is to be handled now. */
  onCall(call: IncomingCall): void;
  /** Nothing can be called any more; calls under way have failed with this error. Reported once. */
  onClosed(error: N2NError): void;
}

/** What a call carries besides its value. */
export interface CallOptions {
  /** How long the call waits without any frame for it, in milliseconds; 0 for ever. */
  timeout: number;
  /** JSON text, which travels in front of the value. */
  metadata?: string | undefined;
  /** When the call began to wait, by the peer's clock, if that was before now. */
  since?: number | undefined;
}

/** As many payloads may be under way in fragments at once. */
const PARTIAL_PAYLOADS = 16;

/** What a pattern and metadata may add to a value in front of it, in bytes. */
const FRONT_ALLOWANCE = 256 * 1024;

/**
 * Calls in both directions over one session. Either side may call: the one that dialled counts its calls in odd
 * numbers, the other in even ones, so that an id alone says whose call it is.
 */
export class Peer implements CallOwner, ReplyPort, SessionEvents {
  private readonly session: Session;
  private readonly deadlines: Deadlines;
  private readonly outgoing = new Map<number, OutgoingCall>();
  private readonly incoming = new Map<number, IncomingCall>();
  private readonly queue: ServingQueue;
  private readonly reassembly: Reassembly;
  private readonly parity: number;
  private nextId: number;
  private idsRecycled = false;

  constructor(
    link: Link,
    private readonly events: PeerEvents,
    options: PeerOptions,
  ) {
    this.parity = options.role === 'dialer' ? 1 : 0;
    this.nextId = options.role === 'dialer' ? 1 : 2;
    this.deadlines = new Deadlines(options.clock);
    this.queue = new ServingQueue(options.maxInFlight, (call) => events.onCall(call));
    this.reassembly = new Reassembly(
      options.maxPayload + FRONT_ALLOWANCE,
      PARTIAL_PAYLOADS * (options.maxPayload + FRONT_ALLOWANCE),
    );
    this.session = new Session(link, this, options);
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
    const id = this.takeId();
    const { timeout, metadata, since } = options;
    this.writeRequest(FrameType.REQUEST, id, { pattern, remaining: timeout, metadata }, value);
    const call = new OutgoingCall(id, pattern, timeout, sink, this);
    this.outgoing.set(id, call);
    if (timeout > 0) this.deadlines.add(call, since);
    return call;
  }

  /**
   * Tells the other side of an event: it is written, and at most once handled.
   *
   * @throws N2NError `PAYLOAD_TOO_LARGE`, `OVERLOADED`: the event was not sent
   */
  emit(pattern: string, value: EncodedValue, metadata: string | undefined): void {
    this.writeRequest(FrameType.EVENT, this.takeId(), { pattern, remaining: 0, metadata }, value);
  }

  /** Ends the session, and with it every call of either side. */
  close(error: N2NError): void {
    this.session.close(error);
  }

  cancel(call: OutgoingCall): void {
    if (this.forget(call) && this.session.isOpen) this.writeEmpty(FrameType.CANCEL, call.id);
  }

  next(call: IncomingCall, value: unknown): void {
    this.writeReply(FrameType.NEXT, 0, call, value);
  }

  last(call: IncomingCall, value: unknown): void {
    this.incoming.delete(call.id);
    if (value === undefined) this.writeEmpty(FrameType.COMPLETE, call.id);
    else this.writeReply(FrameType.NEXT, FLAG_LAST, call, value);
  }

  complete(call: IncomingCall): void {
    this.incoming.delete(call.id);
    this.writeEmpty(FrameType.COMPLETE, call.id);
  }

  error(call: IncomingCall, error: unknown): void {
    this.incoming.delete(call.id);
    this.writeError(call.id, error);
  }

  onServed(): void {
    this.queue.onServed();
  }

  onOpen(): void {
    this.events.onOpen();
  }

  onClosed(error: N2NError): void {
    this.deadlines.clear();
    const lost = [...this.outgoing.values()];
    this.outgoing.clear();
    const abandoned = [...this.incoming.values()];
    this.incoming.clear();
    this.queue.clear();
    for (const call of abandoned) call.cancel();
    for (const call of lost) call.sink.error(error);
    this.events.onClosed(error);
  }

  onFrame(type: number, flags: number, id: number, chunk: Buffer, from: number, to: number): void {
    if ((flags & FLAG_MORE) !== 0 || (!this.reassembly.isEmpty && this.reassembly.has(id))) {
      const whole = this.reassembly.add(id, chunk.subarray(from, to), (flags & FLAG_MORE) === 0);
      if (whole !== undefined) this.onWholeFrame(type, flags, id, whole, 0, whole.length);
    } else {
      this.onWholeFrame(type, flags, id, chunk, from, to);
    }
  }

  private onWholeFrame(
    type: number,
    flags: number,
    id: number,
    chunk: Buffer,
    from: number,
    to: number,
  ): void {
    switch (type as FrameTypeValue) {
      case FrameType.NEXT:
        this.onNext(flags, id, chunk, from, to);
        return;
      case FrameType.REQUEST:
        this.onRequest(flags, id, chunk, from, to, true);
        return;
      case FrameType.EVENT:
        this.onRequest(flags, id, chunk, from, to, false);
        return;
      case FrameType.COMPLETE:
        this.take(id)?.sink.complete();
        return;
      case FrameType.ERROR:
        this.onError(flags, id, chunk, from, to);
        return;
      case FrameType.CANCEL:
        this.onCancel(id);
        return;
      case FrameType.HELLO:
        break;
    }
    if ((type & SKIPPABLE) === 0) {
      throw new N2NError(
        'PROTOCOL_ERROR',
        `A frame of type ${type} is not known here, and not marked as skippable.`,
      );
    }
  }

  private onNext(flags: number, id: number, chunk: Buffer, from: number, to: number): void {
    const last = (flags & FLAG_LAST) !== 0;
    // Answers to a call that was cancelled may still be under way.
    const call = last ? this.take(id) : this.outgoing.get(id);
    if (call === undefined) return;
    let value: unknown;
    try {
      value = decodeValue(flags & VALUE_FORM_MASK, chunk, from, to);
    } catch (error) {
      if (last) this.forget(call);
      else this.cancel(call);
      call.sink.error(error);
      return;
    }
    if (!last && call.timeout > 0) this.deadlines.touch(call);
    call.sink.next(value);
    if (last) call.sink.complete();
  }

  private onError(flags: number, id: number, chunk: Buffer, from: number, to: number): void {
    const call = this.take(id);
    if (call === undefined) return;
    call.sink.error(readError(flags, chunk, from, to));
  }

  private onRequest(
    flags: number,
    id: number,
    chunk: Buffer,
    from: number,
    to: number,
    isCall: boolean,
  ): void {
    if ((id & 1) === this.parity || this.incoming.has(id)) {
      throw new N2NError('PROTOCOL_ERROR', `The id ${id} is not the other side's to use, or is in use.`);
    }
    const front = readRequestFront(flags, chunk, from, to);
    let data: unknown;
    let metadata: unknown;
    try {
      data = decodeValue(flags & VALUE_FORM_MASK, chunk, front.valueAt, to);
      metadata = front.metadata === undefined ? undefined : (JSON.parse(front.metadata) as unknown);
    } catch (error) {
      if (isCall) this.writeError(id, N2NError.from(error, 'PROTOCOL_ERROR', 'The metadata cannot be read'));
      return;
    }
    const call = new IncomingCall(id, front.pattern, data, metadata, isCall, this);
    if (isCall) this.incoming.set(id, call);
    if (!this.queue.add(call)) {
      call.fail(
        new N2NError('OVERLOADED', 'The other side has more calls waiting than it takes; try again later.'),
      );
    }
  }

  private onCancel(id: number): void {
    this.reassembly.drop(id);
    const call = this.incoming.get(id);
    if (call === undefined) return;
    this.incoming.delete(id);
    call.cancel();
  }

  private writeRequest(type: FrameTypeValue, id: number, head: RequestHead, value: EncodedValue): void {
    this.session.writerForCall().writeRequest(type, id, head, value);
    this.session.flushSoon();
  }

  private writeReply(type: FrameTypeValue, flags: number, call: IncomingCall, value: unknown): void {
    try {
      this.session.writerForReply().writeValue(type, flags, call.id, encodeValue(value));
      this.session.flushSoon();
    } catch (error) {
      // The value failed its call, and a stream that could go on is stopped.
      this.incoming.delete(call.id);
      this.writeError(call.id, error);
      call.cancel();
    }
  }

  private writeEmpty(type: FrameTypeValue, id: number): void {
    this.session.writerForReply().writeEmpty(type, 0, id);
    this.session.flushSoon();
  }

  private writeError(id: number, error: unknown): void {
    const isOurs = error instanceof N2NError;
    const writer = this.session.writerForReply();
    try {
      const value = isOurs ? { code: error.code, message: error.message, details: error.details } : error;
      writer.writeValue(FrameType.ERROR, isOurs ? FLAG_SYSTEM : 0, id, encodeValue(value));
    } catch (unwritable) {
      const { code, message } = N2NError.from(unwritable, 'NOT_SERIALIZABLE', 'The error cannot be sent');
      writer.writeValue(FrameType.ERROR, FLAG_SYSTEM, id, encodeValue({ code, message }));
    }
    this.session.flushSoon();
  }

  /** Takes a call of this side out of the books. */
  private take(id: number): OutgoingCall | undefined {
    const call = this.outgoing.get(id);
    if (call !== undefined) this.forget(call);
    return call;
  }

  private forget(call: OutgoingCall): boolean {
    if (call.timeout > 0) this.deadlines.remove(call);
    return this.outgoing.delete(call.id);
  }

  private takeId(): number {
    let id = this.nextId;
    // Ids that a long stream has held since the last time round are passed over.
    while (this.idsRecycled && this.outgoing.has(id)) id = this.idAfter(id);
    this.nextId = this.idAfter(id);
    return id;
  }

  private idAfter(id: number): number {
    if (id + 2 <= MAX_ID) return id + 2;
    this.idsRecycled = true;
    return 2 - this.parity;
  }
}

function readError(flags: number, chunk: Buffer, from: number, to: number): unknown {
  let value: unknown;
  try {
    value = decodeValue(flags & VALUE_FORM_MASK, chunk, from, to);
  } catch (error) {
    return error;
  }
  if ((flags & FLAG_SYSTEM) === 0) return value;
  const { code, message, details } = (value ?? {}) as {
    code?: unknown;
    message?: unknown;
    details?: unknown;
  };
  return new N2NError(
    isN2NErrorCode(code) ? code : 'PROTOCOL_ERROR',
    String(message),
    typeof details === 'object' && details !== null ? { details: details as Record<string, unknown> } : {},
  );
}
