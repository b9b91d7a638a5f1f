import type { Deserializer, MsPattern } from '@nestjs/microservices';
import { IncomingRequestDeserializer } from '@nestjs/microservices/deserializers/incoming-request.deserializer.js';
import type { CallContent, IncomingCall } from '../../rpc/incoming/incoming-call.js';
import { StreamReader } from '../../rpc/streams/stream-reader.js';
import { MappedIterable } from '../../call/nest-packets/mapped-stream.js';
import { deserializePacket, type PacketFormat } from '../../call/nest-packets/packet-format.js';

/** The default deserializer of requests. */
export const REQUEST_DESERIALIZER: Deserializer = new IncomingRequestDeserializer();

/** A call whose packet is read. */
export interface PacketRequest {
  readonly content: CallContent;
  /** The id in the packets of the answers. */
  readonly id: unknown;
}

/** Whether the client sends Nest's packets, and expects packets as answers. */
export function carriesPackets({ envelope }: CallContent): boolean {
  return (envelope as { packet?: unknown } | null | undefined)?.packet === true;
}

/**
 * Reads the packet of a call. If the client has sent a bare value, the deserializer gets the packet that Nest's TCP
 * client would have sent.
 *
 * @param toRoute normalizes a pattern, as Nest does
 * @throws N2NError `PROTOCOL_ERROR`, or rejects with it
 */
export function readRequest(
  call: IncomingCall,
  format: PacketFormat,
  toRoute: (pattern: MsPattern) => string,
): PacketRequest | Promise<PacketRequest> {
  const { content } = call;
  const { data, pattern } = content;
  const options = { channel: pattern };
  const bare = carriesPackets(content) ? undefined : barePacket(call);
  if (data instanceof StreamReader) {
    const values = new MappedIterable(data, async (value) => {
      const item = bare === undefined ? value : { ...bare, data: value };
      return (await deserializePacket(format, item, options))['data'];
    });
    return { content: { ...content, data: values }, id: String(call.id) };
  }
  const packet = deserializePacket(format, bare ?? data, options);
  const toRequest = (read: Record<string, unknown>): PacketRequest => ({
    content: {
      ...content,
      pattern: routeOf(read['pattern'], toRoute) ?? pattern,
      data: read['data'],
      envelope: { ...(content.envelope as object | undefined), metadata: read['metadata'] },
    },
    id: read['id'] ?? String(call.id),
  });
  return packet instanceof Promise ? packet.then(toRequest) : toRequest(packet);
}

function barePacket({ id, content }: IncomingCall): Record<string, unknown> {
  const { kind, pattern, data, envelope } = content;
  const metadata = (envelope as { metadata?: unknown } | null | undefined)?.metadata;
  return {
    // As in Nest's TCP client: a call has the original pattern, an event the normalized one.
    pattern: kind === 'call' ? patternOf(pattern) : pattern,
    data,
    ...(metadata === undefined ? {} : { metadata }),
    ...(kind === 'call' ? { id: String(id) } : {}),
  };
}

function patternOf(route: string): unknown {
  if (!route.startsWith('{')) return route;
  try {
    return JSON.parse(route) as unknown;
  } catch {
    return route;
  }
}

function routeOf(pattern: unknown, toRoute: (pattern: MsPattern) => string): string | undefined {
  if (pattern === undefined || typeof pattern === 'string') return pattern;
  return toRoute(pattern as MsPattern);
}
