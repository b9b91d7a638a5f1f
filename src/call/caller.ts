import { messageOf } from '../n2n-error.js';
import type { CallSink } from '../rpc/outgoing/outgoing-call.js';
import type { CallOptions } from '../rpc/outgoing/call-options.js';
import type { EncodedValue } from '../protocol/values/value.js';
import type { OfflinePolicy } from './record.js';

/** Reports an error that no call can fail with. */
export type Report = (message: string, error: unknown) => void;

/** Reports to a log, as errors. */
export function reportTo(log: { error(message: string): void }): Report {
  return (message, error) => log.error(`${message}: ${messageOf(error)}`);
}

/** A call that is written, or that waits for a connection. */
export interface MadeCall {
  cancel(): void;
  /** See `OutgoingCall.consumed`. */
  consumed(bytes: number): void;
}

/** What a call carries, and how it behaves without a connection. */
export interface CallTerms extends CallOptions {
  /** Overrides the policy of the caller. */
  readonly offline?: OfflinePolicy | undefined;
  /** Whether the call is made again when the connection is lost before the first answer. */
  readonly isRepeatable?: boolean | undefined;
}

/** Makes calls: a client to its server, or a server to one of its clients. */
export interface Caller {
  /** @throws N2NError when the call cannot be made */
  call(pattern: string, value: EncodedValue, sink: CallSink, terms: CallTerms): MadeCall;
  /**
   * @returns undefined if the event is written; otherwise the event that waits, and `sink` gets its outcome
   * @throws N2NError when the event cannot be sent
   */
  emit(pattern: string, value: EncodedValue, sink: CallSink, terms: CallTerms): MadeCall | undefined;
}
