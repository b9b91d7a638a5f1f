import type { Deserializer, ReadPacket, Serializer } from '@nestjs/microservices';
import { N2NError } from '../../n2n-error.js';
import { isPromise } from '../is-promise.js';
import { isRecord } from '../../transport/option-checks.js';

/** Nest's packet of a request. */
export type Packet = ReadPacket<unknown> & {
  metadata?: unknown;
  /** Set if `data` is the output of a serializer. */
  isSerialized?: true;
};

/** With one of these options, payloads are sent as Nest's packets. */
export interface PacketOptions {
  readonly serializer?: Serializer | undefined;
  readonly deserializer?: Deserializer | undefined;
}

/** Writes and reads Nest's packets: `{ pattern, data, id }` and `{ response, err, isDisposed, id }`. */
export interface PacketFormat {
  readonly serializer: Serializer;
  readonly deserializer: Deserializer;
}

/** The default of Nest's transports. */
const IDENTITY_SERIALIZER: Serializer = { serialize: (packet: unknown) => packet };

/**
 * @param byDefault reads packets if only the serializer is set
 * @returns undefined if neither is set: then values are sent without packets
 */
export function packetFormatOf(
  { serializer, deserializer }: PacketOptions,
  byDefault: Deserializer,
): PacketFormat | undefined {
  if (serializer === undefined && deserializer === undefined) return undefined;
  return { serializer: serializer ?? IDENTITY_SERIALIZER, deserializer: deserializer ?? byDefault };
}

/** The format of a side without these options, when the other side sends packets. */
export function plainPackets(byDefault: Deserializer): PacketFormat {
  return { serializer: IDENTITY_SERIALIZER, deserializer: byDefault };
}

/** @throws N2NError `NOT_SERIALIZABLE` */
export function serializePacket({ serializer }: PacketFormat, packet: object): unknown {
  let value: unknown;
  try {
    value = serializer.serialize(packet);
  } catch (error) {
    throw N2NError.from(error, 'NOT_SERIALIZABLE', 'The serializer cannot write the packet');
  }
  if (!isPromise(value)) return value;
  // The promise is not used. Its rejection must not be unhandled.
  value.then(undefined, () => {});
  throw new N2NError(
    'NOT_SERIALIZABLE',
    'The serializer returned a promise. It must return the packet synchronously, as with TCP.',
  );
}

/**
 * Reads a packet. A deserializer may be async, as with TCP. A synchronous result is returned without a promise.
 * @throws N2NError `PROTOCOL_ERROR`, or rejects with it
 */
export function deserializePacket(
  { deserializer }: PacketFormat,
  value: unknown,
  options?: { readonly channel: string },
): Record<string, unknown> | Promise<Record<string, unknown>> {
  let packet: unknown;
  try {
    packet = deserializer.deserialize(value, options);
  } catch (error) {
    throw unreadable(error);
  }
  if (!isPromise(packet)) return asPacket(packet);
  return Promise.resolve(packet).then(asPacket, (error: unknown) => {
    throw unreadable(error);
  });
}

function asPacket(packet: unknown): Record<string, unknown> {
  if (!isRecord(packet)) throw unreadable('it returned no packet');
  return packet;
}

function unreadable(error: unknown): N2NError {
  return N2NError.from(error, 'PROTOCOL_ERROR', 'The deserializer cannot read the packet');
}
