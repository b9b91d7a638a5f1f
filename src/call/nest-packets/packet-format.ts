import type { Deserializer, ReadPacket, Serializer } from '@nestjs/microservices';
import { N2NError } from '../../n2n-error.js';
import { isPromise } from '../is-promise.js';
import { isRecord } from '../../transport/option-checks.js';

/** Nest's packet of a request. */
export type Packet = ReadPacket<unknown> & {
  metadata?: unknown;
  /** Set once `data` is what a serializer has made of the packet. */
  isSerialized?: true;
};

/** The options by which Nest's packets travel in place of bare values. */
export interface PacketOptions {
  readonly serializer?: Serializer | undefined;
  readonly deserializer?: Deserializer | undefined;
}

/** How Nest's packets, `{ pattern, data, id }` and `{ response, err, isDisposed, id }`, are written and read. */
export interface PacketFormat {
  readonly serializer: Serializer;
  readonly deserializer: Deserializer;
}

/** What Nest's transports do where no serializer is set. */
const AS_IT_IS: Serializer = { serialize: (packet: unknown) => packet };

/**
 * @param byDefault reads packets where only the serializer is set
 * @returns undefined where neither is set: then values travel without packets
 */
export function packetFormatOf(
  { serializer, deserializer }: PacketOptions,
  byDefault: Deserializer,
): PacketFormat | undefined {
  if (serializer === undefined && deserializer === undefined) return undefined;
  return { serializer: serializer ?? AS_IT_IS, deserializer: deserializer ?? byDefault };
}

/** The format of a side that has set neither, where the other side has. */
export function plainPackets(byDefault: Deserializer): PacketFormat {
  return { serializer: AS_IT_IS, deserializer: byDefault };
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
  // Nobody is going to wait for it, and its failure has no other place to go.
  value.then(undefined, () => {});
  throw new N2NError(
    'NOT_SERIALIZABLE',
    'The serializer gave a promise: it must give what is to be sent at once, as over TCP.',
  );
}

/**
 * Reads a packet. Deserializers may take their time, as over TCP; most do not, and are not made to wait for themselves.
 * @throws N2NError `PROTOCOL_ERROR`, also as a rejection
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
  if (!isRecord(packet)) throw unreadable('it gave no packet');
  return packet;
}

function unreadable(error: unknown): N2NError {
  return N2NError.from(error, 'PROTOCOL_ERROR', 'The deserializer cannot read the packet');
}
