import type { MsPattern } from '@nestjs/microservices';
import { N2NError } from '../../n2n-error.js';
import { plainPackets, type PacketFormat } from '../../call/nest-packets/packet-format.js';
import type { ReportError } from '../handlers/handler-error.js';
import type { Responder } from '../handlers/responder.js';
import { carriesPackets, readRequest, REQUEST_DESERIALIZER, type PacketRequest } from './packet-requests.js';
import { PacketResponder } from './packet-responder.js';
import type { ReceivedCall, Serve, ServingLayer } from './serving-layer.js';

/** For clients that send packets to a server without these options. */
const PLAIN_PACKETS: PacketFormat = plainPackets(REQUEST_DESERIALIZER);

/**
 * Reads Nest's packets, and answers in packets, if this side or the client has a `serializer` or `deserializer`.
 * @param format undefined if this side has neither
 * @param toRoute normalizes a pattern, as Nest does
 */
export function readPackets(
  format: PacketFormat | undefined,
  toRoute: (pattern: MsPattern) => string,
  report: ReportError,
): ServingLayer<ReceivedCall> {
  const read = (next: Serve<ReceivedCall>, received: ReceivedCall, responder: Responder): void => {
    const { call } = received;
    const packets = format ?? PLAIN_PACKETS;
    const take = ({ content, id }: PacketRequest): void => {
      // The call may have been cancelled while its packet was read.
      if (call.isStopped) responder.complete();
      else next({ ...received, content }, answersTo(received, packets, id, responder));
    };
    const refuse = (reason: unknown): void => {
      const error = N2NError.from(reason, 'PROTOCOL_ERROR', 'The pattern of the packet cannot be read');
      if (call.content.kind === 'event') report(error);
      responder.fail(error);
    };
    let request: PacketRequest | Promise<PacketRequest>;
    try {
      request = readRequest(call, packets, toRoute);
    } catch (error) {
      refuse(error);
      return;
    }
    if (request instanceof Promise) request.then(take, refuse);
    else take(request);
  };
  return (next) => (received, responder) => {
    if (format === undefined && !carriesPackets(received.content)) next(received, responder);
    else read(next, received, responder);
  };
}

/** An event has no answers to serialize. */
function answersTo(
  { call }: ReceivedCall,
  packets: PacketFormat,
  id: unknown,
  responder: Responder,
): Responder {
  return call.content.kind === 'call'
    ? new PacketResponder(call, packets, id, carriesPackets(call.content))
    : responder;
}
