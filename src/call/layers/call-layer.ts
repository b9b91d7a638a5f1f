import type { CallSink } from '../../rpc/outgoing/outgoing-call.js';
import type { EncodedValue } from '../../protocol/values/value.js';
import type { CallTerms, MadeCall } from '../caller.js';
import type { Packet } from '../nest-packets/packet-format.js';
import type { RecordSettings } from '../record.js';

/** A call or event as the application made it. */
export interface CallRequest {
  readonly kind: 'call' | 'event';
  /** The pattern as it is sent: an object pattern is JSON with sorted keys. */
  readonly route: string;
  /** Nest's packet of the call. Its `data` is the payload. */
  readonly packet: Packet;
  readonly settings: RecordSettings;
  /** Called when the reading of a streamed payload begins. */
  readonly onPayloadTaken?: (() => void) | undefined;
}

/** A call or event that is ready to be written. */
export interface EncodedRequest {
  readonly kind: 'call' | 'event';
  readonly route: string;
  readonly value: EncodedValue;
  readonly terms: CallTerms;
}

/**
 * Makes a call, or sends an event.
 * @returns undefined if an event is already written and cannot be cancelled
 * @throws N2NError when the call cannot be made
 */
export type MakeCall<Request> = (request: Request, sink: CallSink) => MadeCall | undefined;

/** Wraps the calls of a client, like an interceptor. It may change the request or the answers, or repeat the call. */
export type CallLayer<In, Out = In> = (next: MakeCall<Out>) => MakeCall<In>;

/** A call between two layers. It forwards the caller's actions inward, and the answers outward. */
export abstract class LayeredCall implements MadeCall, CallSink {
  readonly isPaced: boolean;
  protected inner: MadeCall | undefined = undefined;

  constructor(protected readonly sink: CallSink) {
    this.isPaced = sink.isPaced === true;
  }

  hasWaiting(): boolean {
    return this.sink.hasWaiting?.() === true;
  }

  cancel(): void {
    this.inner?.cancel();
  }

  consumed(bytes: number): void {
    this.inner?.consumed(bytes);
  }

  next(value: unknown, bytes: number): void {
    this.sink.next(value, bytes);
  }

  complete(): void {
    this.sink.complete();
  }

  error(error: unknown): void {
    this.sink.error(error);
  }
}
