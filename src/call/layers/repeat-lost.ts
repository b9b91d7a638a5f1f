import type { Clock } from '../../clock.js';
import { N2NError } from '../../n2n-error.js';
import type { CallSink } from '../../rpc/outgoing/outgoing-call.js';
import type { MadeCall } from '../caller.js';
import { LayeredCall, type CallLayer, type EncodedRequest } from './call-layer.js';

/**
 * Makes an idempotent call or an acknowledged event again when the connection is lost before the first answer. The
 * timeout counts from the first attempt. A streamed payload is already read, and cannot be sent again.
 */
export function repeatLost(clock: Clock): CallLayer<EncodedRequest> {
  return (next) => (request, sink) => {
    const { terms } = request;
    if (terms.isRepeatable !== true || terms.onPayload !== undefined) return next(request, sink);
    const repeated = { ...request, terms: { ...terms, since: clock.now() } };
    return new RepeatedCall(sink, (to) => next(repeated, to)).start();
  };
}

class RepeatedCall extends LayeredCall {
  private state: 'unanswered' | 'answered' | 'cancelled' = 'unanswered';

  /** @param make makes the call with the sink that it gets */
  constructor(
    sink: CallSink,
    private readonly make: (sink: CallSink) => MadeCall | undefined,
  ) {
    super(sink);
  }

  start(): this {
    this.inner = this.make(this);
    return this;
  }

  override cancel(): void {
    this.state = 'cancelled';
    super.cancel();
  }

  override next(value: unknown, bytes: number): void {
    this.state = 'answered';
    super.next(value, bytes);
  }

  override error(error: unknown): void {
    // A session that ends fails its calls one by one. Another of these calls may have cancelled this one.
    if (this.state === 'cancelled') return;
    if (this.state === 'answered' || !(error instanceof N2NError) || error.code !== 'CONNECTION_LOST') {
      super.error(error);
      return;
    }
    try {
      this.start();
    } catch (refused) {
      super.error(refused);
    }
  }
}
