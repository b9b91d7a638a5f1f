import { N2NError } from '../../n2n-error.js';
import type { CallSink } from '../../rpc/outgoing/outgoing-call.js';
import type { MadeCall } from '../caller.js';
import { LayeredCall, type CallLayer, type CallRequest, type MakeCall } from './call-layer.js';
import { link, unlink, type Linked } from './signal-links.js';

/** Cancels a call when its parent is cancelled (`record.within`), or when its signal is aborted (`record.setSignal`). */
export const linkSignals: CallLayer<CallRequest> = (next) => (request, sink) => {
  const { scope, signal } = request.settings;
  if (scope === undefined && signal === undefined) return next(request, sink);
  return [scope?.getSignal(), signal].reduceRight<MakeCall<CallRequest>>(linkTo, next)(request, sink);
};

function linkTo(next: MakeCall<CallRequest>, signal: AbortSignal | undefined): MakeCall<CallRequest> {
  if (signal === undefined) return next;
  return (request, sink) => new LinkedCall(signal, sink).start((to) => next(request, to));
}

/** A call that ends when a signal is aborted. It unlinks when it is over: the signal may outlive it by far. */
class LinkedCall extends LayeredCall implements Linked {
  constructor(
    private readonly signal: AbortSignal,
    sink: CallSink,
  ) {
    super(sink);
  }

  /**
   * @returns undefined if there is nothing to cancel
   * @throws N2NError `CANCELLED` when the signal is already aborted
   */
  start(make: (sink: CallSink) => MadeCall | undefined): this | undefined {
    if (this.signal.aborted) throw cancelled();
    link(this.signal, this);
    try {
      this.inner = make(this);
    } catch (error) {
      this.unlink();
      throw error;
    }
    if (this.inner !== undefined) return this;
    this.unlink();
    return undefined;
  }

  override cancel(): void {
    this.unlink();
    super.cancel();
  }

  override complete(): void {
    this.unlink();
    super.complete();
  }

  override error(error: unknown): void {
    this.unlink();
    super.error(error);
  }

  /** @internal Called when the signal is aborted. */
  onAbort(): void {
    this.cancel();
    this.sink.error(cancelled());
  }

  private unlink(): void {
    unlink(this.signal, this);
  }
}

function cancelled(): N2NError {
  return new N2NError(
    'CANCELLED',
    'The call was cancelled: the call that it was made for was, or its signal was aborted.',
  );
}
