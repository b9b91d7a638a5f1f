import { deserialize, serialize } from 'node:v8';
import { N2NError, messageOf } from '../../n2n-error.js';
import { ValueForm } from '../frames/frame.js';
import type { ValueRole } from './lift.js';
import { refuseUncloneable } from './structured.js';
import { CodedValue, decodeValue, encodeValue, type EncodedValue } from './value.js';

/** A custom encoding of values as bytes. Both sides must have a codec with the same name. */
export interface UserCodec {
  /** Sent to the other side, which refuses a session whose codec has another name. */
  readonly name: string;
  /** An error that it throws fails the call with `NOT_SERIALIZABLE`, and so does a promise, for which nobody waits. */
  encode(value: unknown): Uint8Array;
  /** An error that it throws fails the call with `PROTOCOL_ERROR`; likewise. */
  decode(bytes: Uint8Array): unknown;
}

/**
 * - `json`: all values of JSON, and Buffers and Uint8Arrays at any depth
 * - `v8`: all values of Node's structured clone: Date, Map, Set, RegExp, BigInt, typed arrays, cycles. It is
 *   for services that trust each other, because it was not made for hostile bytes.
 */
export type CodecName = 'json' | 'v8';

/** Encodes values for frames, and decodes them. */
export interface Codec {
  readonly name: string;
  /** @throws N2NError `NOT_SERIALIZABLE` */
  encode(value: unknown, role?: ValueRole): EncodedValue;
  /** @throws N2NError `PROTOCOL_ERROR` */
  decode(form: number, chunk: Buffer, from: number, to: number): unknown;
}

export const jsonCodec: Codec = { name: 'json', encode: encodeValue, decode: decodeValue };

/** Every codec sends bytes unchanged. The codec encodes all other values. */
export function codecOf(codec: UserCodec): Codec {
  const { name } = codec;
  return {
    name,
    encode: (value) => {
      if (value === undefined || value instanceof Uint8Array) return value;
      try {
        return new CodedValue(atOnce(codec.encode(value)) as Uint8Array);
      } catch (error) {
        // It says already what is at fault.
        if (error instanceof N2NError && error.code === 'NOT_SERIALIZABLE') throw error;
        const message = `The codec "${name}" cannot write the value: ${messageOf(error)}`;
        throw new N2NError('NOT_SERIALIZABLE', message, { cause: error });
      }
    },
    decode: (form, chunk, from, to) => {
      if (form !== ValueForm.CODED) return decodeValue(form, chunk, from, to);
      try {
        return atOnce(codec.decode(chunk.subarray(from, to)));
      } catch (error) {
        const message = `The codec "${name}" cannot read the value: ${messageOf(error)}`;
        throw new N2NError('PROTOCOL_ERROR', message, { cause: error });
      }
    },
  };
}

/** @throws TypeError for a promise: nobody waits for it, and its rejection would end the process */
function atOnce(result: unknown): unknown {
  if (!(result instanceof Promise)) return result;
  result.catch(() => {});
  throw new TypeError('it gave a promise, and must give its result at once');
}

export const v8Codec: Codec = codecOf({
  name: 'v8',
  encode: (value) => {
    refuseUncloneable(value);
    return serialize(value);
  },
  decode: deserialize,
});
