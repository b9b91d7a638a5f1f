import { AnswerReader } from '../nest-packets/answer-reader.js';
import { mapStream } from '../nest-packets/mapped-stream.js';
import { serializePacket, type Packet, type PacketFormat } from '../nest-packets/packet-format.js';
import { isPayloadStream } from '../payload-stream.js';
import type { CallLayer, CallRequest } from './call-layer.js';
import { encodePayload } from './encode-request.js';

/**
 * Sends payloads as Nest's packets, and reads the answers as packets. A client with a `serializer` or
 * `deserializer` uses this layer.
 *
 * @param withId gives a packet an id, as Nest does
 */
export function speakPackets(
  format: PacketFormat,
  withId: (packet: Packet) => Packet,
): CallLayer<CallRequest> {
  return (next) => (request, sink) => {
    const { kind, route, packet } = request;
    const { data, metadata } = packet;
    const whole = kind === 'call' ? withId(packet) : { ...packet, pattern: route };
    const serialize = (item: unknown): unknown => serializePacket(format, { ...whole, data: item });
    const isStream = isPayloadStream(data);
    const sent: CallRequest = {
      ...request,
      packet: {
        pattern: packet.pattern,
        data: isStream ? mapStream(data, serialize) : encodePayload({ encode: serialize }, route, data),
        // A packet contains its metadata. A stream is not a packet, although its values are.
        metadata: isStream ? metadata : undefined,
        isSerialized: true,
      },
    };
    if (kind === 'event') return next(sent, sink);
    return new AnswerReader(format, sink).start((answers) => next(sent, answers));
  };
}
