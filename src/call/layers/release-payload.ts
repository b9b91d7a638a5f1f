import type { CallSink } from '../../rpc/outgoing/outgoing-call.js';
import { endUnread } from '../../rpc/streams/stream-iterator.js';
import type { MadeCall, Report } from '../caller.js';
import { iterableIn } from '../payload-stream.js';
import { LayeredCall, type CallLayer, type CallRequest } from './call-layer.js';

/** Ends an iterable payload that was not read when its call ends. It may hold a file or a socket. */
export function releasePayload(report: Report): CallLayer<CallRequest> {
  return (next) => (request, sink) => {
    const payload = iterableIn(request.packet.data);
    if (payload === undefined) return next(request, sink);
    const call = new PayloadCall(payload, sink, (error) => report(payloadFailed(request.route), error));
    return call.start((to, onPayloadTaken) => next({ ...request, onPayloadTaken }, to));
  };
}

/** The message for a payload that fails when it is stopped. */
export function payloadFailed(route: string): string {
  return `The payload of "${route}" failed when it was stopped`;
}

class PayloadCall extends LayeredCall {
  /** The payload until its reading begins: then the reader also ends it. */
  private unread: AsyncIterable<unknown> | undefined;

  /** @param onReturnFailed gets an error of a payload that is ended here */
  constructor(
    payload: AsyncIterable<unknown>,
    sink: CallSink,
    private readonly onReturnFailed: (error: unknown) => void,
  ) {
    super(sink);
    this.unread = payload;
  }

  start(make: (sink: CallSink, onTaken: () => void) => MadeCall | undefined): this {
    try {
      this.inner = make(this, () => {
        this.unread = undefined;
      });
    } catch (error) {
      this.release();
      throw error;
    }
    return this;
  }

  override cancel(): void {
    super.cancel();
    this.release();
  }

  override error(error: unknown): void {
    this.release();
    super.error(error);
  }

  private release(): void {
    const { unread } = this;
    this.unread = undefined;
    if (unread !== undefined) endUnread(unread, this.onReturnFailed);
  }
}
