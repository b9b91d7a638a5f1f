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

/** Where calls go, and how they are made where nothing else is said. */
export interface CallDefaults {
  readonly caller: Caller;
  readonly codec: Codec;
  /** Milliseconds; 0 for ever. */
  readonly timeout: number;
  /** Where set, Nest's packets travel in place of bare values. */
  readonly packets?: PacketFormat | undefined;
  /** Where set, calls that may be made twice are made again when the connection is lost. */
  readonly repeatBy?: Clock | undefined;
  /** Told of an event that was lost while nobody subscribed, and of streams that failed when nobody wanted them. */
  readonly report: Report;
}

/** What Nest's `ClientProxy` knows of a packet. */
export interface PacketSource {
  readonly dispatchHook: () => DispatchHook | undefined;
  readonly withId: (packet: Packet) => Packet;
}

/** The layers of a call, the outermost first. A call that is a payload and nothing else goes without them. */
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
