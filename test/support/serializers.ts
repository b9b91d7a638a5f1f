import type { Deserializer, Serializer } from '@nestjs/microservices';
import { IncomingRequestDeserializer } from '@nestjs/microservices/deserializers/incoming-request.deserializer.js';
import { IncomingResponseDeserializer } from '@nestjs/microservices/deserializers/incoming-response.deserializer.js';
import { IdentitySerializer } from '@nestjs/microservices/serializers/identity.serializer.js';
import { gunzipSync, gzipSync } from 'node:zlib';
import { turn } from './harness.js';

/** What one side has set. */
interface Side {
  readonly serializer?: Serializer;
  readonly deserializer?: Deserializer;
}

export interface Sides {
  readonly client: Side;
  readonly server: Side;
}

export type Packet = Record<string, unknown>;

export const writes = (serialize: (packet: Packet) => unknown): Serializer => ({ serialize });
export const reads = (deserialize: (value: never) => unknown): Deserializer => ({ deserialize });
const both = (side: Side): Sides => ({ client: side, server: side });

export const envelope: Side = {
  serializer: writes((payload) => ({ v: 1, payload })),
  deserializer: reads(({ v, payload }: { v: number; payload: Packet }) => {
    if (v !== 1) throw new Error('not in an envelope');
    return payload;
  }),
};

const gzip: Side = {
  serializer: writes((packet) => gzipSync(JSON.stringify(packet)).toString('base64')),
  deserializer: reads(
    (text: string) => JSON.parse(gunzipSync(Buffer.from(text, 'base64')).toString()) as unknown,
  ),
};

/** Each takes its time, and less of it than the one before. */
export function late(): Deserializer {
  let turns = 8;
  return {
    async deserialize(packet: unknown) {
      turns -= 1;
      for (let left = turns; left > 0; left -= 1) await turn();
      return packet;
    },
  };
}

/** A packet with something done to one of its members, if it has that. */
function changed(member: string, change: (value: unknown) => unknown): (packet: Packet) => Packet {
  return (packet) =>
    packet[member] === undefined ? packet : { ...packet, [member]: change(packet[member]) };
}

const wrapped = (value: unknown): unknown => ({ wrapped: value });

/** Pairs that work over Nest's TCP transport. */
export const PAIRS: Record<string, () => Sides> = {
  'identity, on both sides': () => both({ serializer: new IdentitySerializer() }),
  "Nest's own deserializers, on both sides": () => ({
    client: { deserializer: new IncomingResponseDeserializer() },
    server: { deserializer: new IncomingRequestDeserializer() },
  }),
  'an envelope around every packet': () => both(envelope),
  'compressed text': () => both(gzip),
  'bytes, compressed one way only': () => ({
    client: { serializer: gzip.serializer },
    server: { deserializer: gzip.deserializer },
  }),
  'JSON text': () =>
    both({
      serializer: writes((packet) => JSON.stringify(packet)),
      deserializer: reads((text: string) => JSON.parse(text) as unknown),
    }),
  'a serializer of the client alone': () => ({
    client: { serializer: writes(changed('data', wrapped)) },
    server: {},
  }),
  'a deserializer of the client alone': () => ({
    client: { deserializer: reads(changed('response', wrapped)) },
    server: {},
  }),
  'a serializer of the server alone': () => ({
    client: {},
    server: { serializer: writes(changed('response', wrapped)) },
  }),
  'a deserializer of the server alone': () => ({
    client: {},
    server: { deserializer: reads(changed('data', wrapped)) },
  }),
  'a deserializer that changes the pattern': () => ({
    client: {},
    server: {
      deserializer: reads(changed('pattern', (pattern) => (pattern === 'alias' ? 'echo' : pattern))),
    },
  }),
  'a serializer that changes the pattern': () => ({
    client: { serializer: writes(changed('pattern', (pattern) => (pattern === 'alias' ? 'echo' : pattern))) },
    server: {},
  }),
  'a serializer that changes the packet in place': () => ({
    client: { serializer: writes((packet) => Object.assign(packet, { data: ['mine'] })) },
    server: {},
  }),
  'a serializer that makes errors of values': () => ({
    client: {},
    server: {
      serializer: writes((packet) =>
        packet['response'] === 'why' ? { ...packet, err: 'not that' } : packet,
      ),
    },
  }),
  'a deserializer that makes values of errors': () => ({
    client: {
      // Of a text, which a missing handler is over TCP, there would be no end: that packet does not say that it is the last.
      deserializer: reads(({ err, ...packet }: Packet) =>
        typeof err === 'object' ? { ...packet, response: { was: err } } : { ...packet, err },
      ),
    },
    server: {},
  }),
  'deserializers that take their time': () => both({ deserializer: late() }),
};

/** What was given to each of them, in order. Ids are random: what counts is that there is one. */
interface Watched extends Sides {
  readonly seen: Record<string, unknown[]>;
}

export function watched({ client, server }: Sides): Watched {
  const seen: Record<string, unknown[]> = {};
  const watch = (name: string, { serializer, deserializer }: Side): Side => {
    const note = (kind: string, value: unknown): void => {
      // What is in a text is the business of whoever has written it.
      if (typeof value === 'object') (seen[`${name} ${kind}`] ??= []).push(shown(value));
    };
    return {
      ...(serializer === undefined
        ? {}
        : {
            serializer: writes((packet) => {
              note('serializer', packet);
              return serializer.serialize(packet) as unknown;
            }),
          }),
      ...(deserializer === undefined
        ? {}
        : {
            deserializer: reads((value) => {
              note('deserializer', value);
              return deserializer.deserialize(value) as unknown;
            }),
          }),
    };
  };
  return { client: watch('client', client), server: watch('server', server), seen };
}

function shown(value: unknown): unknown {
  const copy = structuredClone(value) as { id?: unknown; payload?: { id?: unknown } };
  for (const packet of [copy, copy.payload]) if (typeof packet?.id === 'string') packet.id = 'an id';
  return copy;
}
