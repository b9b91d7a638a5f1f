import type { Deserializer, Serializer } from '@nestjs/microservices';
import { MIN_PAYLOAD_BYTES } from '../limits.js';
import {
  codecOf,
  jsonCodec,
  v8Codec,
  type Codec,
  type CodecName,
  type UserCodec,
} from '../protocol/values/codec.js';
import { hasFunctions, optionError } from '../transport/option-checks.js';
import { bytes, milliseconds, option } from '../transport/option-table.js';
import type { OfflinePolicy } from './record.js';

const MIB = 1024 * 1024;

/** The options of a server and of a client, with the same meaning on both sides. */
export const CALL_OPTIONS = {
  /**
   * How long a call that this side makes waits without any answer, in milliseconds; 0 sets no limit. The time without a
   * connection counts.
   * @default 30000
   */
  timeout: milliseconds(30_000, 0),
  /**
   * The longest payload that this side takes, in bytes. The other side is told, and a longer call fails there; the
   * connection stays.
   * @default 4194304 (4 MiB)
   */
  // A length is written in four bytes. Half of that range is enough.
  maxPayload: bytes(4 * MIB, { least: MIN_PAYLOAD_BYTES, most: 2 ** 31 - 1 }),
  /**
   * How long a session is kept when its connection is lost, in milliseconds. When the client comes back within that time,
   * every call and stream under way goes on. 0 keeps no session. The shorter window of the two sides counts.
   * @default 10000
   */
  resumeWindow: milliseconds(10_000, 0),
  /**
   * How many bytes that the other side has not acknowledged are kept, to be sent again after a break. At this limit,
   * further calls and values wait.
   * @default 8388608 (8 MiB)
   */
  // The minimum covers the data that is sent before the first acknowledgement can arrive.
  maxReplay: bytes(8 * MIB, { least: MIB, most: 2 ** 31 - 1 }),
  /**
   * How long `close` waits for calls under way to end, in milliseconds; 0 does not wait.
   * @default 10000
   */
  drainTimeout: milliseconds(10_000, 0),
  /**
   * How values are written: `'json'`, `'v8'` (Node's structured clone), or your own, `{ name, encode, decode }`. The
   * other side must have the same.
   * @default 'json'
   */
  codec: option<CodecName | UserCodec, Codec>('json', codecOption),
};

function codecOption(name: string, given: unknown): Codec {
  if (given === 'json') return jsonCodec;
  if (given === 'v8') return v8Codec;
  const codec = (typeof given === 'object' ? given : {}) as Partial<UserCodec>;
  const isCodec = typeof codec?.name === 'string' && hasFunctions(codec, ['encode', 'decode']);
  if (isCodec && codec.name !== 'json' && codec.name !== 'v8') return codecOf(codec as UserCodec);
  throw optionError(name, given, '"json", "v8", or an object with its own name, encode and decode');
}

/** @throws N2NError `INVALID_OPTIONS` */
export function offlineOption<Given extends OfflinePolicy | undefined>(offline: Given): Given {
  if (offline === undefined || offline === 'buffer' || offline === 'reject') return offline;
  throw optionError('offline', offline, '"buffer" or "reject"');
}

/** @throws N2NError `INVALID_OPTIONS` */
export function serializerOption(name: string, value: unknown): Serializer {
  if (hasFunctions(value, ['serialize'])) return value as Serializer;
  throw optionError(name, value, 'an object with a function "serialize"');
}

/** @throws N2NError `INVALID_OPTIONS` */
export function deserializerOption(name: string, value: unknown): Deserializer {
  if (hasFunctions(value, ['deserialize'])) return value as Deserializer;
  throw optionError(name, value, 'an object with a function "deserialize"');
}
