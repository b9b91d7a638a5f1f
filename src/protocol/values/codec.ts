import { deserialize, serialize } from 'node:v8';
import { N2NError, messageOf } from '../../n2n-error.js';
import { ValueForm } from '../frames/frame.js';
import { CodedValue, decodeValue, encodeValue, type EncodedValue } from './value.js';

/** A way of your own to write values as bytes. Both sides must have one of the same name. */
export interface UserCodec {
  /** Told to the other side, which refuses a session with a codec of another name. */
  readonly name: string;
  /** What it throws fails the call of the value, with `NOT_SERIALIZABLE`. */
  encode(value: unknown): Uint8Array;
  /** What it throws fails the call of the value, with `PROTOCOL_ERROR`. */
  decode(bytes: Uint8Array): unknown;
}

/**
 * - `json`: what JSON can express, and Buffers and Uint8Arrays at any depth
 * - `v8`: what Node's structured clone can: Date, Map, Set, RegExp, BigInt, typed arrays, cycles. For services that
 *   trust each other: it was not made for hostile bytes.
 */
export type CodecName = 'json' | 'v8';

/** Values into what frames carry, and back. */
export interface Codec {
  readonly name: string;
  /** @throws N2NError `NOT_SERIALIZABLE` */
  encode(value: unknown): EncodedValue;
  /** @throws N2NError `PROTOCOL_ERROR` */
  decode(form: number, chunk: Buffer, from: number, to: number): unknown;
}

export const jsonCodec: Codec = { name: 'json', encode: encodeValue, decode: decodeValue };

/** Bytes travel as they are with every codec; everything else is the codec's. */
export function codecOf(codec: UserCodec): Codec {
  return {
    name: codec.name,
    encode: (value) => {
      if (value === undefined || value instanceof Uint8Array) return value;
      try {
        return new CodedValue(codec.encode(value));
      } catch (error) {
        throw new N2NError(
          'NOT_SERIALIZABLE',
          `The codec "${codec.name}" cannot write the value: ${messageOf(error)}`,
          {
            cause: error,
          },
        );
      }
    },
    decode: (form, chunk, from, to) => {
      if (form !== ValueForm.CODED) return decodeValue(form, chunk, from, to);
      try {
        return codec.decode(chunk.subarray(from, to));
      } catch (error) {
        throw new N2NError(
          'PROTOCOL_ERROR',
          `The codec "${codec.name}" cannot read the value: ${messageOf(error)}`,
          {
            cause: error,
          },
        );
      }
    },
  };
}

export const v8Codec: Codec = codecOf({ name: 'v8', encode: serialize, decode: deserialize });
