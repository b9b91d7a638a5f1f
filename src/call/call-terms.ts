import type { ReadPacket } from '@nestjs/microservices';
import { N2NError } from '../n2n-error.js';
import { notSerializableIn } from '../protocol/values/not-serializable.js';
import { encodeValue } from '../protocol/values/value.js';
import { offlineOption } from './call-options.js';
import type { CallTerms } from './caller.js';
import type { PacketFormat } from './nest-packets/packet-format.js';
import { isPayloadStream } from './payload-stream.js';
import { newEventKey, type CallScope, type RecordSettings } from './record.js';

/** Nest's packet of a request. */
export type Packet = ReadPacket<unknown> & { metadata?: unknown };

/**
 * What a record says about its call.
 * @param byDefault how long it waits where the record does not say, in milliseconds
 * @throws N2NError `INVALID_OPTIONS`, or `TIMEOUT` when no time is left of the call that it is made within
 */
export function termsOf(settings: RecordSettings, byDefault: number, kind: 'call' | 'event'): CallTerms {
  const { isAcknowledged, isIdempotent, scope } = settings;
  const offline = offlineOption(settings.offline);
  const key = kind === 'event' && isAcknowledged === true ? newEventKey() : undefined;
  // An acknowledged event is sent until it has been handled, however long that takes, unless a timeout is set.
  const timeout = settings.timeout ?? (key === undefined ? byDefault : 0);
  if (!Number.isSafeInteger(timeout) || timeout < 0 || timeout > 2 ** 31 - 1) {
    throw new N2NError(
      'INVALID_OPTIONS',
      `The timeout is ${String(timeout)}: it must be a whole number of milliseconds.`,
    );
  }
  return {
    timeout: scope === undefined ? timeout : timeWithin(scope, timeout),
    offline,
    key,
    isRepeatable: key !== undefined || isIdempotent === true,
  };
}

function timeWithin(scope: CallScope, timeout: number): number {
  const deadline = scope.getDeadline();
  if (deadline === undefined) return timeout;
  const left = Math.floor(deadline - Date.now());
  if (left <= 0) throw new N2NError('TIMEOUT', 'No time is left of the call that this one is made for.');
  return timeout === 0 ? left : Math.min(timeout, left);
}

/**
 * Headers and metadata, which share one place on the wire. A packet carries its metadata itself.
 * @throws N2NError `NOT_SERIALIZABLE`
 */
export function envelopeText(
  { headers }: RecordSettings,
  { metadata, data }: Packet,
  packets: PacketFormat | undefined,
): string | undefined {
  if (headers === undefined && metadata === undefined && packets === undefined) return undefined;
  // The payload that is a stream is no packet: its values are.
  const isWithin = packets !== undefined && !isPayloadStream(data);
  const envelope = {
    headers,
    metadata: isWithin ? undefined : metadata,
    packet: packets === undefined ? undefined : true,
  };
  try {
    const text = encodeValue(envelope);
    // Bytes are for payloads; here they are what JSON makes of them.
    return typeof text === 'string' ? text : JSON.stringify(envelope);
  } catch (error) {
    throw notSerializableIn('The headers and metadata', error);
  }
}
