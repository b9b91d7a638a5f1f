import type { Clock } from '../../clock.js';
import { IdTable } from '../../protocol/buffers/id-table.js';
import { FrameType, VALUE_FORM_MASK } from '../../protocol/frames/frame.js';
import type { Codec } from '../../protocol/values/codec.js';
import { readError } from '../../protocol/values/error-value.js';
import type { Session } from '../../session/session.js';
import type { FlowTable } from '../flow-control/flow-table.js';
import { StreamReader } from '../streams/stream-reader.js';
import type { IncomingCall } from './incoming-call.js';

/** Receives the payloads of the other side's calls that are streams. */
export class IncomingPayloads {
  private readonly readers = new IdTable<StreamReader>();

  constructor(
    private readonly session: Session,
    private readonly flows: FlowTable,
    private readonly codec: Codec,
    private readonly clock: Clock,
    private readonly calls: { get(id: number): IncomingCall | undefined },
  ) {}

  /** Whether the payload of this call is still being received. */
  has(id: number): boolean {
    return this.readers.has(id);
  }

  open(id: number): StreamReader {
    const reader = new StreamReader({
      onConsumed: (bytes) => this.onConsumed(id, bytes, reader.hasWaiting),
      onReturn: () => {
        if (this.end(id) !== undefined && this.session.isOpen) this.writeCancel(id);
      },
    });
    this.readers.add(id, reader);
    return reader;
  }

  /** NEXT: a value of the payload. */
  onNext(flags: number, id: number, chunk: Buffer, from: number, to: number, isReassembled: boolean): void {
    const reader = this.readers.get(id);
    if (reader === undefined) return;
    this.calls.get(id)?.extend(this.session.chunkTime);
    this.flows.receiveWindow(id).onItem(to - from, isReassembled);
    let value: unknown;
    try {
      value = this.codec.decode(flags & VALUE_FORM_MASK, chunk, from, to);
    } catch (error) {
      this.end(id)?.fail(error);
      this.writeCancel(id);
      return;
    }
    reader.push(value, to - from);
  }

  onComplete(id: number): void {
    this.end(id)?.end();
  }

  onError(flags: number, id: number, chunk: Buffer, from: number, to: number): void {
    this.end(id)?.fail(readError(flags, chunk, from, to, this.codec));
  }

  /** Receives no more of the payload. @returns its reader, unless it had ended before */
  end(id: number): StreamReader | undefined {
    const reader = this.readers.take(id);
    if (reader !== undefined) this.flows.dropReceiveWindow(id);
    return reader;
  }

  /** The session is over. @returns the readers of the payloads that had not ended */
  clear(): StreamReader[] {
    const readers = this.readers.values();
    this.readers.clear();
    return readers;
  }

  /**
   * The handler has taken a value. Grants more, and keeps the caller waiting where the handler is slow: with values
   * left to take, the caller gets a sign of life in each half of its timeout, also when the whole payload has come.
   * @param isBehind whether there are more values to take
   */
  private onConsumed(id: number, bytes: number, isBehind: boolean): void {
    const receiveWindow = this.flows.peekReceiveWindow(id);
    const hasGranted = receiveWindow?.onConsumed(1, bytes) === true;
    const call = isBehind ? this.calls.get(id) : undefined;
    if (call === undefined || call.content.timeout === 0) return;
    const now = this.clock.now();
    const isLate = now >= call.expiresAt - call.content.timeout / 2;
    if (!hasGranted && !isLate) return;
    call.extend(now);
    if (hasGranted) return;
    if (receiveWindow === undefined) this.flows.grant(id, 0, 0);
    else receiveWindow.grantConsumed();
  }

  private writeCancel(id: number): void {
    this.session.writerForReply().writeEmpty(FrameType.CANCEL, 0, id);
    this.session.flushSoon();
  }
}
