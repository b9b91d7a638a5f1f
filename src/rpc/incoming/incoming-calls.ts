import type { Clock } from '../../clock.js';
import { N2NError } from '../../n2n-error.js';
import type { Codec } from '../../protocol/values/codec.js';
import { readError, writableError } from '../../protocol/values/error-value.js';
import {
  FLAG_LAST,
  FLAG_STREAM,
  FrameType,
  VALUE_FORM_MASK,
  type FrameType as FrameTypeValue,
} from '../../protocol/frames/frame.js';
import { IdTable } from '../../protocol/buffers/id-table.js';
import { readRequestFront, type RequestFront } from '../../protocol/frames/request-body.js';
import { unwritableIn } from '../../protocol/values/not-serializable.js';
import type { EncodedValue } from '../../protocol/values/value.js';
import type { Session } from '../../session/session.js';
import type { Flows } from '../flow-control/flow-table.js';
import {
  IncomingCall,
  refuse,
  refuseOverload,
  type CallKind,
  type FaultLog,
  type ReplyPort,
} from './incoming-call.js';
import type { ServingQueue } from '../admission/serving-queue.js';
import { StreamReader } from '../streams/stream-reader.js';

/** The calls of the other side that are not over, and their payloads that are streams. */
export class IncomingCalls implements ReplyPort {
  private readonly calls = new IdTable<IncomingCall>();
  private readonly payloads = new IdTable<StreamReader>();
  /** Called whenever the last call has ended, once somebody wants to know. */
  onEmpty: (() => void) | undefined = undefined;

  constructor(
    private readonly session: Session,
    private readonly flows: Flows,
    private readonly codec: Codec,
    private readonly queue: ServingQueue,
    private readonly clock: Clock,
    private readonly log: FaultLog,
  ) {}

  /** Whether no call is under way whose caller waits for an answer. */
  get isEmpty(): boolean {
    return this.calls.size === 0;
  }

  has(id: number): boolean {
    return this.calls.has(id);
  }

  /** Whether a payload of this call is taken. */
  takesPayload(id: number): boolean {
    return this.payloads.has(id);
  }

  /**
   * REQUEST, EVENT.
   * @param isWelcome whether new calls are taken
   * @throws N2NError `PROTOCOL_ERROR`
   */
  onRequest(
    type: number,
    flags: number,
    id: number,
    chunk: Buffer,
    from: number,
    to: number,
    isWelcome: boolean,
  ): void {
    if (this.calls.has(id)) throw new N2NError('PROTOCOL_ERROR', `The id ${id} is in use.`);
    const front = readRequestFront(type, flags, chunk, from, to);
    const kind = kindOf(type, front);
    const isStream = kind === 'call' && (flags & FLAG_STREAM) !== 0;
    // What came of the request in fragments is no part of what its payload may send.
    if (!isStream) this.flows.dropIn(id);
    let data: unknown;
    let envelope: unknown;
    try {
      data = isStream
        ? this.openPayload(id)
        : this.codec.decode(flags & VALUE_FORM_MASK, chunk, front.valueAt, to);
      envelope = front.metadata === undefined ? undefined : JSON.parse(front.metadata);
    } catch (error) {
      this.endPayload(id);
      const failure = N2NError.from(error, 'PROTOCOL_ERROR', 'The metadata cannot be read');
      if (kind === 'event') this.onFault(failure);
      else this.writeError(id, failure);
      return;
    }
    const { pattern, remaining, key } = front;
    const content = { kind, pattern, data, envelope, patience: remaining, key };
    const call = new IncomingCall(id, content, this, this.session.chunkTime);
    if (kind !== 'event') this.calls.add(id, call);
    if (!isWelcome) refuse(call, 'DRAINING', 'This side is about to close, and takes no new calls.', this);
    else if (!this.queue.add(call)) refuseOverload(call, this);
  }

  /** NEXT: a value of the payload of a call. */
  onPayloadNext(
    flags: number,
    id: number,
    chunk: Buffer,
    from: number,
    to: number,
    isReassembled: boolean,
  ): void {
    const reader = this.payloads.get(id);
    if (reader === undefined) return;
    this.calls.get(id)?.putOff(this.session.chunkTime);
    this.flows.in(id).onItem(to - from, isReassembled);
    let value: unknown;
    try {
      value = this.codec.decode(flags & VALUE_FORM_MASK, chunk, from, to);
    } catch (error) {
      this.endPayload(id)?.fail(error);
      this.writeEmpty(FrameType.CANCEL, id);
      return;
    }
    reader.push(value, to - from);
  }

  onPayloadComplete(id: number): void {
    this.endPayload(id)?.end();
  }

  onPayloadError(flags: number, id: number, chunk: Buffer, from: number, to: number): void {
    this.endPayload(id)?.fail(readError(flags, chunk, from, to, this.codec));
  }

  /** CANCEL: the caller wants no answer any more. */
  onCancel(id: number): void {
    this.flows.dropIn(id);
    const call = this.calls.get(id);
    if (call === undefined) return;
    const reason = new N2NError('CANCELLED', `The caller of "${call.pattern}" wants no answer any more.`);
    this.endPayload(id)?.fail(reason);
    this.end(id);
    call.cancel(reason);
  }

  /** The session is over: nobody wants an answer any more. */
  abandon(error: N2NError): void {
    const payloads = this.payloads.values();
    const calls = this.calls.values();
    this.payloads.clear();
    this.calls.clear();
    this.queue.clear();
    for (const payload of payloads) payload.fail(error);
    for (const call of calls) call.cancel(error);
  }

  next(call: IncomingCall, value: unknown): void {
    const outflow = this.flows.out(call.id);
    // A value that waits for credit is no matter of microseconds, and the clock takes 50 ns.
    call.putOff(outflow.isReady ? this.clock.now() : this.session.turnTime);
    try {
      outflow.write(FrameType.NEXT, 0, this.codec.encode(value));
      this.session.flushSoon();
    } catch (error) {
      this.failReply(call, error);
    }
  }

  last(call: IncomingCall, value: unknown): void {
    if (value === undefined) {
      this.complete(call);
      return;
    }
    try {
      this.writeLast(call.id, FrameType.NEXT, FLAG_LAST, this.codec.encode(value));
    } catch (error) {
      this.failReply(call, error);
    }
  }

  complete(call: IncomingCall): void {
    this.writeLast(call.id, FrameType.COMPLETE, 0, undefined);
  }

  error(call: IncomingCall, error: unknown): void {
    this.writeError(call.id, error);
  }

  isReady(call: IncomingCall): boolean {
    return this.flows.peekOut(call.id)?.isReady ?? true;
  }

  whenReady(call: IncomingCall, callback: () => void): void {
    this.flows.out(call.id).whenReady(callback);
  }

  onFault(error: unknown): void {
    this.log.onFault(error);
  }

  onServed(call: IncomingCall): void {
    this.queue.onServed(call);
  }

  onAbandoned(): void {
    this.queue.onAbandoned();
  }

  private openPayload(id: number): StreamReader {
    const reader = new StreamReader({
      onConsumed: (bytes) => this.onConsumed(id, bytes, reader.hasWaiting),
      onReturn: () => {
        if (this.endPayload(id) !== undefined && this.session.isOpen) this.writeEmpty(FrameType.CANCEL, id);
      },
    });
    this.payloads.add(id, reader);
    return reader;
  }

  /**
   * A value of a payload was taken.
   * @param isBehind whether others wait for the handler: where it takes long for them, its caller hears of each half of
   * its patience that it still does, also when all of the payload has come
   */
  private onConsumed(id: number, bytes: number, isBehind: boolean): void {
    const inflow = this.flows.peekIn(id);
    const hasGranted = inflow?.onConsumed(1, bytes) === true;
    const call = isBehind ? this.calls.get(id) : undefined;
    if (call === undefined || call.content.patience === 0) return;
    const now = this.clock.now();
    const isLate = now >= call.expiresAt - call.content.patience / 2;
    if (!hasGranted && !isLate) return;
    call.putOff(now);
    if (hasGranted) return;
    if (inflow === undefined) this.flows.grant(id, 0, 0);
    else inflow.grantConsumed();
  }

  private endPayload(id: number): StreamReader | undefined {
    const reader = this.payloads.take(id);
    if (reader !== undefined) this.flows.dropIn(id);
    return reader;
  }

  /** The frame that ends a call, behind whatever of the call still waits. */
  private writeLast(id: number, type: FrameTypeValue, flags: number, value: EncodedValue): void {
    const outflow = this.flows.peekOut(id);
    if (outflow === undefined) {
      const long = this.session.writerForReply().writeValue(type, flags, id, value);
      if (long === undefined) this.end(id);
      else this.flows.out(id).endWith(long, () => this.end(id));
    } else {
      outflow.end(type, flags, value, () => this.end(id));
    }
    this.session.flushSoon();
  }

  private writeEmpty(type: FrameTypeValue, id: number): void {
    this.session.writerForReply().writeEmpty(type, 0, id);
    this.session.flushSoon();
  }

  private writeError(id: number, error: unknown): void {
    const { flags, value } = writableError(error, this.codec);
    try {
      this.writeLast(id, FrameType.ERROR, flags, value);
    } catch (tooLong) {
      const told = writableError(
        N2NError.from(tooLong, 'PAYLOAD_TOO_LARGE', 'The error cannot be sent'),
        this.codec,
      );
      this.writeLast(id, FrameType.ERROR, told.flags, told.value);
    }
  }

  /** A value that could not be sent failed its call: what waits of it is dropped, and a handler that goes on stops. */
  private failReply(call: IncomingCall, error: unknown): void {
    this.flows.dropOut(call.id);
    const told = unwritableIn(`The answer to "${call.pattern}"`, error);
    this.writeError(call.id, told);
    call.cancel(told);
  }

  /** Everything of a call has been sent, or is wanted no more. */
  private end(id: number): void {
    this.calls.take(id);
    this.flows.dropOut(id);
    // Whoever still reads the payload must not take it for whole.
    this.endPayload(id)?.fail(
      new N2NError(
        'CANCELLED',
        'The call has been answered; what comes of its payload after that is dropped.',
      ),
    );
    if (this.onEmpty !== undefined && this.isEmpty) this.onEmpty();
  }
}

function kindOf(type: number, { key }: RequestFront): CallKind {
  if (type === FrameType.REQUEST) return 'call';
  return key === undefined ? 'event' : 'acknowledged-event';
}
