import type { Clock } from '../../clock.js';
import type { CallKind, SessionInfo } from '../../diagnostics.js';
import { N2NError } from '../../n2n-error.js';
import type { Codec } from '../../protocol/values/codec.js';
import { encodeError } from '../../protocol/values/error-value.js';
import {
  FLAG_LAST,
  FLAG_STREAM,
  FrameType,
  VALUE_FORM_MASK,
  type FrameType as FrameTypeValue,
} from '../../protocol/frames/frame.js';
import { IdTable } from '../../protocol/buffers/id-table.js';
import { readRequestHeader, type ReceivedRequestHeader } from '../../protocol/frames/request-header.js';
import { isFaultOfValue, notSerializableIn } from '../../protocol/values/not-serializable.js';
import type { EncodedValue } from '../../protocol/values/value.js';
import type { Session } from '../../session/session.js';
import type { FlowTable } from '../flow-control/flow-table.js';
import {
  IncomingCall,
  refuse,
  refuseOverload,
  shownPattern,
  type FaultLog,
  type ReplyPort,
} from './incoming-call.js';
import type { ServingQueue } from '../admission/serving-queue.js';
import { IncomingPayloads } from './incoming-payloads.js';

/** The peer, as its incoming calls see it. */
export interface CallsOwner extends FaultLog {
  readonly info: SessionInfo;
}

/** The calls of the other side that are not over. */
export class IncomingCalls implements ReplyPort {
  private readonly calls = new IdTable<IncomingCall>();
  /** The payloads that are streams. */
  readonly payloads: IncomingPayloads;
  /** Called when the last call has ended, if set. */
  onEmpty: (() => void) | undefined = undefined;
  private hasWarnedOfStarved = false;

  constructor(
    private readonly session: Session,
    private readonly flows: FlowTable,
    private readonly codec: Codec,
    private readonly queue: ServingQueue,
    private readonly clock: Clock,
    private readonly owner: CallsOwner,
  ) {
    this.payloads = new IncomingPayloads(session, flows, codec, clock, this.calls);
  }

  get info(): SessionInfo {
    return this.owner.info;
  }

  /** Whether no caller waits for an answer. */
  get isEmpty(): boolean {
    return this.calls.size === 0;
  }

  has(id: number): boolean {
    return this.calls.has(id);
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
    const header = readRequestHeader(type, flags, chunk, from, to);
    const kind = kindOf(type, header);
    const isStream = kind === 'call' && (flags & FLAG_STREAM) !== 0;
    // Fragments of the request do not count for the flow control of its payload.
    if (!isStream) this.flows.dropReceiveWindow(id);
    let data: unknown;
    let envelope: unknown;
    try {
      data = isStream
        ? this.payloads.open(id)
        : this.codec.decode(flags & VALUE_FORM_MASK, chunk, header.valueAt, to);
      envelope = header.metadata === undefined ? undefined : JSON.parse(header.metadata);
    } catch (error) {
      this.payloads.end(id);
      const failure = N2NError.from(error, 'PROTOCOL_ERROR', 'The metadata cannot be read');
      if (kind === 'event') this.onFault(failure);
      else this.writeError(id, failure);
      return;
    }
    const { pattern, remaining, key } = header;
    const content = { kind, pattern, data, envelope, timeout: remaining, key };
    const call = new IncomingCall(id, content, this, this.session.chunkTime);
    if (kind !== 'event') this.calls.add(id, call);
    if (!isWelcome) refuse(call, 'DRAINING', 'This side is about to close, and takes no new calls.', this);
    else if (!this.queue.add(call)) refuseOverload(call, this);
  }

  /** CANCEL: the caller has given up. */
  onCancel(id: number): void {
    this.flows.dropReceiveWindow(id);
    const call = this.calls.get(id);
    if (call === undefined) return;
    const reason = new N2NError('CANCELLED', `The caller of "${call.pattern}" wants no answer any more.`);
    if (call.isWaiting) this.warnOfStarved(call);
    this.payloads.end(id)?.fail(reason);
    this.end(id);
    call.cancel(reason);
  }

  /** A caller has given up before its call had its turn, and cannot know why. Told once: there may be many such calls. */
  private warnOfStarved({ pattern }: IncomingCall): void {
    const limit = this.queue.reachedLimit;
    if (this.hasWarnedOfStarved || limit === undefined) return;
    this.hasWarnedOfStarved = true;
    this.owner.warn?.(
      `The caller of "${shownPattern(pattern)}" gave up before the call had its turn: all ${limit} places (maxInFlight) of the ` +
        'connection were taken by calls and streams that have not ended. A stream takes a place for as long as it is ' +
        'open. Raise maxInFlight, or give long streams a connection of their own.',
    );
  }

  /** The session is over: nobody waits for an answer. */
  abandon(error: N2NError): void {
    const payloads = this.payloads.clear();
    const calls = this.calls.values();
    this.calls.clear();
    this.queue.clear();
    for (const payload of payloads) payload.fail(error);
    for (const call of calls) call.cancel(error);
  }

  next(call: IncomingCall, value: unknown): void {
    const sendWindow = this.flows.sendWindow(call.id);
    // Reading the clock takes 50 ns: a value that waits for credit needs no exact time.
    call.extend(sendWindow.isReady ? this.clock.now() : this.session.turnTime);
    try {
      sendWindow.write(FrameType.NEXT, 0, this.codec.encode(value));
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
    return this.flows.peekSendWindow(call.id)?.isReady ?? true;
  }

  whenReady(call: IncomingCall, callback: () => void): void {
    this.flows.sendWindow(call.id).whenReady(callback);
  }

  onFault(error: unknown): void {
    this.owner.onFault(error);
  }

  onServed(call: IncomingCall): void {
    this.queue.onServed(call);
  }

  onAbandoned(): void {
    this.queue.onAbandoned();
  }

  /** Writes the frame that ends a call, behind all frames of the call that still wait. */
  private writeLast(id: number, type: FrameTypeValue, flags: number, value: EncodedValue): void {
    const sendWindow = this.flows.peekSendWindow(id);
    if (sendWindow === undefined) {
      const long = this.session.writerForReply().writeValue(type, flags, id, value);
      if (long === undefined) this.onAnswered(id);
      else this.flows.sendWindow(id).endWith(long, () => this.onAnswered(id));
    } else {
      sendWindow.end(type, flags, value, () => this.onAnswered(id));
    }
    this.session.flushSoon();
  }

  private writeError(id: number, error: unknown): void {
    const { flags, value, failure } = encodeError(error, this.codec);
    if (failure !== undefined) this.logLostError(id, failure);
    try {
      this.writeLast(id, FrameType.ERROR, flags, value);
    } catch (tooLong) {
      const reason = N2NError.from(tooLong, 'PAYLOAD_TOO_LARGE', 'The error cannot be sent');
      this.logLostError(id, reason);
      const told = encodeError(reason, this.codec);
      this.writeLast(id, FrameType.ERROR, told.flags, told.value);
    }
  }

  /** A value cannot be sent: fails the call, drops its waiting frames, and stops its handler. */
  private failReply(call: IncomingCall, error: unknown): void {
    this.flows.dropSendWindow(call.id);
    const told = notSerializableIn(`The answer to "${call.pattern}"`, error);
    // The fault is in the handler: not its caller alone is to know.
    if (isFaultOfValue(told)) this.onFault(told);
    this.writeError(call.id, told);
    call.cancel(told);
  }

  private logLostError(id: number, { code, message, cause }: N2NError): void {
    const { pattern } = this.calls.get(id) ?? {};
    this.onFault(
      new N2NError(code, `The error of "${pattern}" is not what its caller gets. ${message}`, { cause }),
    );
  }

  /** The answer has been written completely. */
  private onAnswered(id: number): void {
    this.session.countMessage();
    this.end(id);
  }

  /** The answer has been written completely, or the caller has given up. */
  private end(id: number): void {
    this.calls.take(id);
    this.flows.dropSendWindow(id);
    // A reader of the payload must not take it for complete.
    this.payloads
      .end(id)
      ?.fail(
        new N2NError(
          'CANCELLED',
          'The call has been answered; what comes of its payload after that is dropped.',
        ),
      );
    if (this.onEmpty !== undefined && this.isEmpty) this.onEmpty();
  }
}

function kindOf(type: number, { key }: ReceivedRequestHeader): CallKind {
  if (type === FrameType.REQUEST) return 'call';
  return key === undefined ? 'event' : 'acknowledged-event';
}
