import { N2NError, isN2NErrorCode, messageOf } from '../../n2n-error.js';
import { FLAG_SYSTEM, VALUE_FORM_MASK } from '../frames/frame.js';
import type { Codec } from './codec.js';
import { notSerializableIn } from './not-serializable.js';
import { encodeValue, type EncodedValue } from './value.js';

export interface EncodedError {
  readonly flags: number;
  readonly value: EncodedValue;
  /** The reason if the caller gets another error than this one. */
  readonly failure?: N2NError;
}

/**
 * An error as the body of an ERROR frame. An error of the library is written as code, message and details. An error of
 * a handler is written as a value; if that fails, the frame carries the library's `NOT_SERIALIZABLE`.
 */
export function encodeError(error: unknown, codec: Codec): EncodedError {
  try {
    if (!(error instanceof N2NError)) return { flags: 0, value: codec.encode(error, 'error') };
    const { code, message, details } = error;
    return { flags: FLAG_SYSTEM, value: encodeValue({ code, message, details }) };
  } catch (notSerializable) {
    const reason = notSerializableIn('The error', notSerializable);
    const failure = N2NError.from(reason, 'NOT_SERIALIZABLE', 'The error cannot be sent');
    const { code, message } = failure;
    return { flags: FLAG_SYSTEM, value: encodeValue({ code, message }), failure };
  }
}

/** The error of an ERROR frame: an `N2NError`, or the value that the handler threw. */
export function readError(flags: number, chunk: Buffer, from: number, to: number, codec: Codec): unknown {
  let value: unknown;
  try {
    value = codec.decode(flags & VALUE_FORM_MASK, chunk, from, to);
  } catch (error) {
    return error;
  }
  if ((flags & FLAG_SYSTEM) === 0) return value;
  const { code, message, details } = (value ?? {}) as {
    code?: unknown;
    message?: unknown;
    details?: unknown;
  };
  return new N2NError(
    isN2NErrorCode(code) ? code : 'PROTOCOL_ERROR',
    messageOf(message),
    typeof details === 'object' && details !== null ? { details: details as Record<string, unknown> } : {},
  );
}
