import { FrameType } from '../../protocol/frames/frame.js';
import type { Codec } from '../../protocol/values/codec.js';
import { notSerializableIn } from '../../protocol/values/not-serializable.js';
import type { Session } from '../../session/session.js';
import type { FlowTable } from '../flow-control/flow-table.js';
import type { OutgoingCall } from './outgoing-call.js';
import type { PayloadPort } from './payload-target.js';

/** The calls of the payloads. */
export interface PayloadOwner {
  has(id: number): boolean;
  /** The other side takes the payload: the whole timeout of the call begins again. */
  extend(call: OutgoingCall): void;
  /** Cancels the call, and fails it with this error. */
  abort(call: OutgoingCall, error: unknown): void;
}

/** Sends the payloads that are streams. */
export class OutgoingPayloads implements PayloadPort {
  constructor(
    private readonly session: Session,
    private readonly flows: FlowTable,
    private readonly codec: Codec,
    private readonly calls: PayloadOwner,
  ) {}

  isPayloadReady({ id }: OutgoingCall): boolean {
    return this.flows.peekSendWindow(id)?.isReady ?? true;
  }

  whenPayloadReady({ id }: OutgoingCall, callback: () => void): void {
    this.flows.sendWindow(id).whenReady(callback);
  }

  nextOfPayload(call: OutgoingCall, value: unknown): void {
    try {
      const sendWindow = this.flows.sendWindow(call.id);
      // A value that waits for credit or for a link is no sign of life: the other side takes nothing.
      const leavesNow = sendWindow.isReady && this.session.isLinked;
      sendWindow.write(FrameType.NEXT, 0, this.codec.encode(value));
      if (leavesNow) this.calls.extend(call);
      this.session.flushSoon();
    } catch (error) {
      this.calls.abort(call, notSerializableIn(`A value of the payload of "${call.pattern}"`, error));
    }
  }

  completePayload({ id }: OutgoingCall): void {
    if (!this.calls.has(id)) return;
    const sendWindow = this.flows.peekSendWindow(id);
    if (sendWindow === undefined) this.session.writerForReply().writeEmpty(FrameType.COMPLETE, 0, id);
    else sendWindow.end(FrameType.COMPLETE, 0, undefined, () => this.flows.dropSendWindow(id));
    this.session.flushSoon();
  }

  failPayload(call: OutgoingCall, error: unknown): void {
    this.calls.abort(call, error);
  }
}
