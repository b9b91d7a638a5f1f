import { MAX_TIMER_MS } from '../../limits.js';
import { N2NError } from '../../n2n-error.js';
import type { Codec } from '../../protocol/values/codec.js';
import { notSerializableIn } from '../../protocol/values/not-serializable.js';
import { encodeValue } from '../../protocol/values/value.js';
import { offlineOption } from '../call-options.js';
import type { CallTerms, Report } from '../caller.js';
import type { Packet } from '../nest-packets/packet-format.js';
import { isPayloadStream, sendPayload } from '../payload-stream.js';
import { newEventKey, type CallScope, type RecordSettings } from '../record.js';
import type { CallLayer, CallRequest, EncodedRequest } from './call-layer.js';
import { payloadFailed } from './release-payload.js';

/**
 * Encodes the payload, and reads the settings of the record.
 * @param timeout the timeout of a call whose record sets none, in milliseconds; 0 sets no limit
 */
export function encodeRequest(
  codec: Codec,
  timeout: number,
  report: Report,
): CallLayer<CallRequest, EncodedRequest> {
  return (next) => (request, sink) => {
    const { kind, route, packet, settings, onPayloadTaken } = request;
    const { data } = packet;
    const terms = { ...termsOf(settings, timeout, kind), metadata: envelopeText(settings, packet) };
    if (!isPayloadStream(data)) {
      const value = encodePayload(codec, route, data);
      return next({ kind, route, value, terms }, sink);
    }
    if (kind === 'event') {
      throw new N2NError('NOT_SERIALIZABLE', 'An event cannot carry a stream; use send().');
    }
    const onPayload: CallTerms['onPayload'] = (target) => {
      onPayloadTaken?.();
      sendPayload(data, target, (error) => report(payloadFailed(route), error));
    };
    return next({ kind, route, value: undefined, terms: { ...terms, onPayload } }, sink);
  };
}

/** @throws N2NError `INVALID_OPTIONS`, or `TIMEOUT` when the deadline of the parent call has passed */
function termsOf(settings: RecordSettings, byDefault: number, kind: 'call' | 'event'): CallTerms {
  const { isAcknowledged, isIdempotent, scope } = settings;
  const offline = offlineOption(settings.offline);
  const key = kind === 'event' && isAcknowledged === true ? newEventKey() : undefined;
  // Without a timeout of its own, an acknowledged event is sent again until it is handled.
  const timeout = settings.timeout ?? (key === undefined ? byDefault : 0);
  if (!Number.isSafeInteger(timeout) || timeout < 0 || timeout > MAX_TIMER_MS) {
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
  if (left <= 0) throw new N2NError('TIMEOUT', 'The deadline of the parent call has passed.');
  return timeout === 0 ? left : Math.min(timeout, left);
}

/**
 * Encodes headers and metadata, which share one field on the wire.
 * @throws N2NError `NOT_SERIALIZABLE`
 */
function envelopeText({ headers }: RecordSettings, { metadata, isSerialized }: Packet): string | undefined {
  if (headers === undefined && metadata === undefined && isSerialized === undefined) return undefined;
  const envelope = { headers, metadata, packet: isSerialized };
  try {
    const text = encodeValue(envelope);
    // Only payloads carry bytes as they are. In headers and metadata, JSON encodes them.
    return typeof text === 'string' ? text : JSON.stringify(envelope);
  } catch (error) {
    throw notSerializableIn('The headers and metadata', error);
  }
}

/** @throws N2NError `NOT_SERIALIZABLE`, whose message names the call */
export function encodePayload<Encoded>(
  encoder: { encode(data: unknown): Encoded },
  route: string,
  data: unknown,
): Encoded {
  try {
    return encoder.encode(data);
  } catch (error) {
    throw notSerializableIn(`The payload of "${route}"`, error);
  }
}
