import { N2NError, messageOf, type N2NErrorCode } from '../../n2n-error.js';
import { MAX_VALUE_DEPTH } from '../../limits.js';
import { at, OTHER_CODEC, refused, type Path } from './refusal.js';

/**
 * Finds the part of a value that JSON cannot express, and its path, because the errors of JSON do not name it.
 * @param error the error with which writing the value failed
 */
export function notSerializable(value: unknown, error: unknown): N2NError {
  // It says already what is at fault.
  if (error instanceof N2NError && error.code === 'NOT_SERIALIZABLE') return error;
  try {
    search(value, [], []);
  } catch (found) {
    if (found instanceof N2NError) return found;
  }
  return refused(`The value cannot be written as JSON: ${messageOf(error)}`, error);
}

/** Errors of sending a value that are the fault of the value, and not for want of room. */
const FAULTS: ReadonlySet<N2NErrorCode> = new Set(['NOT_SERIALIZABLE', 'PAYLOAD_TOO_LARGE']);

export function isFaultOfValue(error: unknown): error is N2NError {
  return error instanceof N2NError && FAULTS.has(error.code);
}

/** Adds to the error of a value that cannot be sent whose value it is. Returns any other error unchanged. */
export function notSerializableIn(whose: string, error: unknown): unknown {
  if (!isFaultOfValue(error)) return error;
  const { code, message, details, cause } = error;
  return new N2NError(code, `${whose} cannot be sent. ${message}`, {
    ...(cause === undefined ? {} : { cause }),
    ...(details === undefined ? {} : { details }),
  });
}

/** Walks through a value as JSON does, and throws at the first part at which JSON throws. */
function search(given: unknown, path: Path, above: readonly object[]): void {
  const value = written(given, path);
  if (typeof value === 'bigint') {
    throw refused(`A BigInt${at(path)} cannot be written as JSON. Send it as a string, ${OTHER_CODEC}`);
  }
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
  if (above.includes(value)) {
    throw refused(
      `The value leads back to itself${at(path)}, and JSON has no cycles. Send ids in place of references, ${OTHER_CODEC}`,
    );
  }
  if (above.length === MAX_VALUE_DEPTH)
    throw refused(`The value is nested more than ${MAX_VALUE_DEPTH} deep.`);
  const around = [...above, value];
  for (const key of Object.keys(value)) {
    const inside = [...path, Array.isArray(value) ? Number(key) : key];
    search(member(value, key, inside), inside, around);
  }
}

function written(value: unknown, path: Path): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  const toJson = member(value, 'toJSON', [...path, 'toJSON']);
  if (typeof toJson !== 'function') return value;
  try {
    return Reflect.apply(toJson, value, [String(path.at(-1) ?? '')]) as unknown;
  } catch (error) {
    throw refused(`The toJSON()${at(path)} threw: ${messageOf(error)}`, error);
  }
}

function member(holder: object, key: string, path: Path): unknown {
  try {
    return Reflect.get(holder, key) as unknown;
  } catch (error) {
    throw refused(`What stands${at(path)} cannot be read: ${messageOf(error)}`, error);
  }
}
