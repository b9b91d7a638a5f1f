import type { Clock } from '../../clock.js';
import type { Codec } from '../../protocol/values/codec.js';
import type { Caller, Report } from '../caller.js';
import type { Packet, PacketFormat } from '../nest-packets/packet-format.js';
import type { CallLayer, CallRequest, EncodedRequest, MakeCall } from './call-layer.js';
import { runDispatchHook, type DispatchHook } from './dispatch-hook.js';
import { encodeRequest } from './encode-request.js';
import { linkSignals } from './link-signals.js';
import { releasePayload } from './release-payload.js';
import { repeatLost } from './repeat-lost.js';
import { speakPackets } from './speak-packets.js';

/** The caller that makes the calls, and the default settings of a call. */
export interface CallDefaults {
  readonly caller: Caller;
  readonly codec: Codec;
  /** In milliseconds; 0 sets no limit. */
  readonly timeout: number;
  /** If set, payloads are sent as Nest's packets. */
  readonly packets?: PacketFormat | undefined;
  /** If set, idempotent calls and acknowledged events are made again when the connection is lost. */
  readonly repeatBy?: Clock | undefined;
  /** Gets the error of a lost event without a subscriber, and of a payload stream that fails when it is stopped. */
  readonly report: Report;
}

/** The parts of Nest's `ClientProxy` that the layers need. */
export interface PacketSource {
  readonly dispatchHook: () => DispatchHook | undefined;
  readonly withId: (packet: Packet) => Packet;
}

/** Composes the layers of a call, the outermost first. A call with a payload and nothing else does not use them. */
export function composeLayers(
  { caller, codec, timeout, packets, repeatBy, report }: CallDefaults,
  { dispatchHook, withId }: PacketSource,
): MakeCall<CallRequest> {
  const write = repeatBy === undefined ? writeTo(caller) : repeatLost(repeatBy)(writeTo(caller));
  const encode = encodeRequest(codec, timeout, report)(write);
  const serialize = packets === undefined ? encode : speakPackets(packets, withId)(encode);
  return [releasePayload(report), runDispatchHook(dispatchHook, report), linkSignals].reduceRight(
    (next: MakeCall<CallRequest>, layer: CallLayer<CallRequest>) => layer(next),
    serialize,
  );
}

function writeTo(caller: Caller): MakeCall<EncodedRequest> {
  return ({ kind, route, value, terms }, sink) =>
    kind === 'event' && terms.key === undefined
      ? caller.emit(route, value, sink, terms)
      : caller.call(route, value, sink, terms);
}
