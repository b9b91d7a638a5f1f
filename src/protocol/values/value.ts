import { N2NError, messageOf } from '../../n2n-error.js';
import { attach, detach, type Detached } from './attachments.js';
import { ValueForm } from '../frames/frame.js';
import { isInteger32, MAX_INTEGER_BYTES, readInteger } from './integer.js';
import { asciiText, utf8Text } from '../buffers/text.js';
import type { ValueRole } from './lift.js';
import { notSerializable } from './not-serializable.js';
import { isPlain } from './plain.js';

/**
 * A value ready for a frame: JSON text, bytes, JSON text with attachments, or `undefined` for no value. Each form has
 * its own type, so that text, the usual form, needs no wrapper object. A number is a 32-bit integer: its digits are
 * written without a string in between.
 */
export type EncodedValue = string | number | Uint8Array | Detached | CodedValue | undefined;

/** The output of a codec other than JSON. */
export class CodedValue {
  constructor(readonly bytes: Uint8Array) {
    if (!(bytes instanceof Uint8Array)) throw new TypeError('a codec writes a Uint8Array');
  }

  get length(): number {
    return this.bytes.length;
  }
}

/** Copies the bytes of a value whose owner may change them before all of it has been sent. */
export function ownBytes(value: EncodedValue): EncodedValue {
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (typeof value !== 'object') return value;
  if (value instanceof CodedValue) return new CodedValue(Buffer.from(value.bytes));
  return { ...value, pieces: value.pieces.map((piece) => Buffer.from(piece)) };
}

/** The approximate length of an encoded value, in bytes. */
export function encodedLength(value: EncodedValue): number {
  if (typeof value === 'number') return MAX_INTEGER_BYTES;
  return value === undefined ? 0 : value.length;
}

/**
 * @throws N2NError `NOT_SERIALIZABLE` for a value that JSON cannot express, a cycle, a bigint, or nesting deeper than the
 * stack; or that JSON would change without a word, such as a Map, a function or a stream
 */
export function encodeValue(value: unknown, role: ValueRole = 'value'): EncodedValue {
  if (value === undefined) return undefined;
  if (typeof value === 'number' && isInteger32(value)) return value;
  if (value instanceof Uint8Array && value.length > 0) return value;
  let text: string | undefined;
  try {
    if (typeof value === 'object' && value !== null && !isPlain(value)) {
      const detached = detach(value, role);
      if (detached !== undefined) return detached;
    }
    text = JSON.stringify(value);
  } catch (error) {
    throw notSerializable(value, error);
  }
  if (text === undefined) {
    const what = typeof value === 'object' ? 'An object whose toJSON() gives nothing' : `A ${typeof value}`;
    throw new N2NError(
      'NOT_SERIALIZABLE',
      `${what} cannot be sent; send data that JSON can express, or bytes.`,
    );
  }
  return text;
}

/**
 * Reads the value from `from` up to `to`. Bytes are not copied: they are a view of `chunk`.
 *
 * @throws N2NError `PROTOCOL_ERROR` when the body does not have the form that its frame says
 */
export function decodeValue(form: number, chunk: Buffer, from: number, to: number): unknown {
  try {
    switch (form as ValueForm) {
      case ValueForm.NONE:
        return undefined;
      case ValueForm.ASCII_JSON:
        return readInteger(chunk, from, to) ?? JSON.parse(asciiText(chunk, from, to));
      case ValueForm.UTF8_JSON:
        return JSON.parse(utf8Text(chunk, from, to));
      case ValueForm.BYTES:
        return chunk.subarray(from, to);
      case ValueForm.CODED:
        break;
      case ValueForm.ATTACHED_JSON:
        return attach(chunk.subarray(from, to));
    }
  } catch (error) {
    throw new N2NError('PROTOCOL_ERROR', `The value cannot be read: ${messageOf(error)}`, { cause: error });
  }
  throw new N2NError('PROTOCOL_ERROR', `Unknown form of value ${form}.`);
}
