import type { CallSink } from '../rpc/outgoing/outgoing-call.js';
import type { CallOptions } from '../rpc/outgoing/call-options.js';
import type { EncodedValue } from '../protocol/values/value.js';
import type { OfflinePolicy } from './record.js';

/** Told of what failed beside a call. */
export type Report = (message: string, error: unknown) => void;

/** A call that was made: written, or waiting for a connection. */
export interface MadeCall {
  cancel(): void;
  /** See `OutgoingCall.consumed`. */
  consumed(bytes: number): void;
}

/** What a call carries, and what becomes of it when there is no connection, or no longer one. */
export interface CallTerms extends CallOptions {
  /** In place of the caller's own policy. */
  readonly offline?: OfflinePolicy | undefined;
  /** Whether it is made again when the connection is lost before any answer came. */
  readonly isRepeatable?: boolean | undefined;
}

/** Whatever calls can be made of: a client with its endpoint, or the connection of one client of a server. */
export interface Caller {
  /** @throws N2NError when the call cannot be made */
  call(pattern: string, value: EncodedValue, sink: CallSink, terms: CallTerms): MadeCall;
  /**
   * @returns the event that waits to be written, of which `sink` is told; undefined when it is written
   * @throws N2NError when the event cannot be sent
   */
  emit(pattern: string, value: EncodedValue, sink: CallSink, terms: CallTerms): MadeCall | undefined;
}
