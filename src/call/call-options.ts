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
   * How long a call of this side waits for an answer, in milliseconds. Each value of a stream starts the time again. The time
   * without a connection counts. With 0 there is no limit.
   * @default 30000
   */
  timeout: milliseconds(30_000, 0),
  /**
   * The longest payload that this side accepts, in bytes. The handshake tells the other side. A longer payload fails its
   * call on the side that sends it, and the connection stays open.
   * @default 4194304 (4 MiB)
   */
  // A length is written in four bytes. Half of that range is enough.
  maxPayload: bytes(4 * MIB, { least: MIN_PAYLOAD_BYTES, most: 2 ** 31 - 1 }),
  /**
   * How long a session is kept after its connection is lost, in milliseconds. If the client reconnects within that time,
   * all calls and streams under way continue. With 0, no session is kept. The shorter window of the two sides applies.
   * @default 10000
   */
  resumeWindow: milliseconds(10_000, 0),
  /**
   * How many bytes are kept until the other side acknowledges them, in order to send them again after a lost connection. At
   * this limit, further calls and values wait.
   * @default 8388608 (8 MiB)
   */
  // The minimum covers the data that is sent before the first acknowledgement can arrive.
  maxReplay: bytes(8 * MIB, { least: MIB, most: 2 ** 31 - 1 }),
  /**
   * How long `close` waits for calls under way to end, in milliseconds. With 0 it does not wait.
   * @default 10000
   */
  drainTimeout: milliseconds(10_000, 0),
  /**
   * How values are encoded: `'json'`, `'v8'` (Node's structured clone), or a custom codec `{ name, encode, decode }`. Both
   * sides must use the same codec.
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
