import type { Clock } from '../../clock.js';
import { CallTrace, isCallTraced, type CallKind, type SessionInfo } from '../../diagnostics.js';
import { N2NError } from '../../n2n-error.js';
import type { Codec } from '../../protocol/values/codec.js';
import { readError } from '../../protocol/values/error-value.js';
import {
  FLAG_LAST,
  FLAG_STREAM,
  FrameType,
  VALUE_FORM_MASK,
  type FrameType as FrameTypeValue,
} from '../../protocol/frames/frame.js';
import { IdTable } from '../../protocol/buffers/id-table.js';
import type { FragmentedBody } from '../../protocol/frames/fragmented-body.js';
import type { RequestHeader } from '../../protocol/frames/request-header.js';
import { ownBytes, type EncodedValue } from '../../protocol/values/value.js';
import type { Session } from '../../session/session.js';
import { Deadlines } from '../deadlines.js';
import type { FlowTable } from '../flow-control/flow-table.js';
import type { ReceiveWindow } from '../flow-control/receive-window.js';
import { CallIds } from './call-ids.js';
import type { CallOptions } from './call-options.js';
import { OutgoingCall, type CallOwner, type CallSink } from './outgoing-call.js';
import { OutgoingPayloads, type PayloadOwner } from './outgoing-payloads.js';
import { PayloadTarget } from './payload-target.js';

/**
 * How many items may be on their way to a sink that takes each value as it comes: none of them waits here, and their
 * bytes are limited. With 256, each chunk held at most 128 items and needed a CREDIT.
 */
const UNPACED_ITEMS = 64 * 1024;

/** The calls of this side that are not over. */
export class OutgoingCalls implements CallOwner, PayloadOwner {
  private readonly calls = new IdTable<OutgoingCall>();
  /** Requests and events that are being sent in fragments. */
  private readonly leaving = new IdTable<FragmentedBody>();
  private onAllLeft: (() => void) | undefined = undefined;
  private readonly deadlines: Deadlines;
  /** Called when the last call has ended, if set. */
  onEmpty: (() => void) | undefined = undefined;
  private readonly ids: CallIds;
  private readonly payloads: OutgoingPayloads;

  /** @param firstId 1 or 2; ids count up from there in twos */
  constructor(
    private readonly session: Session,
    private readonly flows: FlowTable,
    private readonly codec: Codec,
    firstId: number,
    private readonly clock: Clock,
    private readonly info: SessionInfo,
  ) {
    this.ids = new CallIds(firstId);
    this.payloads = new OutgoingPayloads(session, flows, codec, this);
    this.deadlines = new Deadlines(clock);
  }

  /** @throws N2NError `PAYLOAD_TOO_LARGE`, `OVERLOADED`: the call was not made */
  call(pattern: string, value: EncodedValue, sink: CallSink, options: CallOptions): OutgoingCall {
    const { timeout, metadata, key, onPayload, since } = options;
    const type = key === undefined ? FrameType.REQUEST : FrameType.EVENT;
    const kind = key === undefined ? 'call' : 'acknowledged-event';
    const id = this.ids.take(this.isIdInUse);
    const flags = onPayload === undefined ? 0 : FLAG_STREAM;
    this.write(type, flags, id, { pattern, remaining: this.remaining(timeout, since), metadata, key }, value);
    const call = new OutgoingCall(id, pattern, timeout, sink, this);
    this.calls.add(id, call);
    if (isCallTraced()) call.trace = this.traceOf(id, kind, pattern, since);
    if (timeout > 0) this.deadlines.add(call, since);
    if (onPayload !== undefined) {
      const payload = new PayloadTarget(call, this.payloads);
      call.payload = payload;
      onPayload(payload);
    }
    return call;
  }

  /** @throws N2NError `PAYLOAD_TOO_LARGE`, `OVERLOADED`: the event was not sent */
  emit(pattern: string, value: EncodedValue, metadata: string | undefined): void {
    const id = this.ids.take(this.isIdInUse);
    const header = { pattern, remaining: 0, metadata };
    const long = this.session.writerForCall().writeRequest(FrameType.EVENT, 0, id, header, ownBytes(value));
    if (long !== undefined) this.leave(id, long);
    this.session.flushSoon();
    if (isCallTraced()) this.traceOf(id, 'event', pattern).end();
  }

  /** Calls back once all requests and events have been sent completely. */
  whenAllLeft(callback: () => void): void {
    if (this.leaving.size === 0) callback();
    else this.onAllLeft = callback;
  }

  /** Whether no call is active, and no event is being sent. */
  get isEmpty(): boolean {
    return this.calls.size === 0 && this.leaving.size === 0;
  }

  /** Whether there may be more to send for this id. */
  takesCredit(id: number): boolean {
    return this.calls.has(id) || this.leaving.has(id);
  }

  has(id: number): boolean {
    return this.calls.has(id);
  }

  /** A sign of life of a call. */
  onSign(id: number): void {
    const call = this.calls.get(id);
    if (call !== undefined) this.touch(call);
  }

  cancel(call: OutgoingCall): void {
    if (!this.forget(call)) return;
    call.trace?.fail(new N2NError('CANCELLED', 'The caller wants no answer any more.'));
    if (this.session.isOpen) this.writeEmpty(FrameType.CANCEL, call.id);
  }

  consumed(call: OutgoingCall, bytes: number): void {
    call.receiveWindow?.onConsumed(1, bytes);
    // Until the consumer had taken all that had come, it was not the other side that was waited for.
    if (call.timeout > 0 && call.sink.hasWaiting?.() === false) this.deadlines.touch(call);
  }

  wait(call: OutgoingCall): void {
    if (this.calls.has(call.id)) this.deadlines.add(call);
  }

  extend(call: OutgoingCall): void {
    if (call.timeout > 0) this.deadlines.touch(call);
  }

  abort(call: OutgoingCall, error: unknown): void {
    call.trace?.fail(error);
    this.cancel(call);
    call.sink.error(error);
  }

  /** NEXT: a value of a call. Values of cancelled calls may still arrive. */
  onNext(flags: number, id: number, chunk: Buffer, from: number, to: number, isReassembled: boolean): void {
    const last = (flags & FLAG_LAST) !== 0;
    const call = last ? this.take(id) : this.calls.get(id);
    if (call === undefined) return;
    const bytes = to - from;
    if (!last) (call.receiveWindow ??= this.receiveWindowOf(call)).onItem(bytes, isReassembled);
    let value: unknown;
    try {
      value = this.codec.decode(flags & VALUE_FORM_MASK, chunk, from, to);
    } catch (error) {
      this.abort(call, error);
      return;
    }
    if (last) {
      call.trace?.end();
      call.sink.next(value, 0);
      call.sink.complete();
      return;
    }
    this.touch(call);
    call.sink.next(value, bytes);
    // `next` may have cancelled the call: then it has no receive window.
    if (call.sink.isPaced !== true) call.receiveWindow?.onConsumed(1, bytes);
  }

  onComplete(id: number): void {
    const call = this.take(id);
    call?.trace?.end();
    call?.sink.complete();
  }

  onError(flags: number, id: number, chunk: Buffer, from: number, to: number): void {
    const call = this.take(id);
    if (call === undefined) return;
    const error = readError(flags, chunk, from, to, this.codec);
    call.trace?.fail(error);
    call.sink.error(error);
  }

  /** CANCEL: the handler wants no more of the payload. */
  onPayloadCancelled(id: number): void {
    const call = this.calls.get(id);
    if (call === undefined) return;
    this.flows.dropSendWindow(id);
    call.payload?.stop();
  }

  /** The session is over: every call fails. */
  fail(error: N2NError): void {
    this.deadlines.clear();
    const lost = this.calls.values();
    this.calls.clear();
    this.leaving.clear();
    this.onAllLeft = undefined;
    for (const call of lost) {
      call.payload?.stop();
      call.trace?.fail(error);
      call.sink.error(error);
    }
  }

  /**
   * The rest of the timeout of a call that has waited for its connection. It is at least 1, because 0 means for ever.
   */
  private remaining(timeout: number, since: number | undefined): number {
    if (since === undefined || timeout === 0) return timeout;
    return Math.max(1, Math.ceil(since + timeout - this.clock.now()));
  }

  /** A sign of life. Only the first one in a chunk counts, because reading the clock takes 50 ns. */
  private touch(call: OutgoingCall): void {
    if (call.timeout > 0 && call.lastSign < this.session.chunkTime) this.deadlines.touch(call);
  }

  private receiveWindowOf({ id, sink }: OutgoingCall): ReceiveWindow {
    const receiveWindow = this.flows.receiveWindow(id);
    if (sink.isPaced !== true) receiveWindow.widen(UNPACED_ITEMS);
    return receiveWindow;
  }

  private write(
    type: FrameTypeValue,
    flags: number,
    id: number,
    header: RequestHeader,
    value: EncodedValue,
  ): void {
    const long = this.session.writerForCall().writeRequest(type, flags, id, header, value);
    if (long !== undefined) {
      // If the payload is a stream, it follows.
      if ((flags & FLAG_STREAM) === 0) this.leave(id, long);
      else this.flows.sendWindow(id).enqueue(long);
    }
    this.session.flushSoon();
  }

  private leave(id: number, body: FragmentedBody): void {
    this.leaving.add(id, body);
    this.flows.sendWindow(id).endWith(body, () => {
      this.flows.dropSendWindow(id);
      this.onLeft(id);
    });
  }

  private onLeft(id: number): void {
    if (this.leaving.take(id) === undefined || this.leaving.size > 0) return;
    const { onAllLeft } = this;
    this.onAllLeft = undefined;
    onAllLeft?.();
    this.checkForEmpty();
  }

  private checkForEmpty(): void {
    if (this.onEmpty !== undefined && this.isEmpty) this.onEmpty();
  }

  private writeEmpty(type: FrameTypeValue, id: number): void {
    this.session.writerForReply().writeEmpty(type, 0, id);
    this.session.flushSoon();
  }

  private traceOf(id: number, kind: CallKind, pattern: string, since?: number): CallTrace {
    return new CallTrace(
      { session: this.info, side: 'client', id, kind, pattern },
      this.clock,
      since,
    ).start();
  }

  private take(id: number): OutgoingCall | undefined {
    const call = this.calls.get(id);
    if (call !== undefined) this.forget(call);
    return call;
  }

  /** Removes a call; false when it was over before. */
  private forget(call: OutgoingCall): boolean {
    if (this.calls.take(call.id) === undefined) return false;
    if (call.timeout > 0) this.deadlines.remove(call);
    call.receiveWindow = undefined;
    this.flows.dropReceiveWindow(call.id);
    this.flows.dropSendWindow(call.id);
    call.payload?.stop();
    this.onLeft(call.id);
    this.checkForEmpty();
    return true;
  }

  private readonly isIdInUse = (id: number): boolean => this.takesCredit(id);
}
