import { N2NError, messageOf } from '../../n2n-error.js';
import { MAX_VALUE_DEPTH } from '../../limits.js';

const INSTEAD = 'or set the codec of both sides to "v8".';

/**
 * Finds the part of a value that JSON cannot express, and its path, because the errors of JSON do not name it.
 * @param error the error with which writing the value failed
 */
export function notSerializable(value: unknown, error: unknown): N2NError {
  // Too many pieces of bytes.
  if (error instanceof N2NError && error.code === 'NOT_SERIALIZABLE') return error;
  try {
    search(value, [], []);
  } catch (found) {
    if (found instanceof N2NError) return found;
  }
  return refused(`The value cannot be written as JSON: ${messageOf(error)}`, error);
}

/** Adds to the error of a value that cannot be written whose value it is. Returns any other error unchanged. */
export function notSerializableIn(whose: string, error: unknown): unknown {
  if (!(error instanceof N2NError) || error.code !== 'NOT_SERIALIZABLE') return error;
  return refused(`${whose} cannot be sent. ${error.message}`, error.cause);
}

/** Walks through a value as JSON does, and throws at the first part at which JSON throws. */
function search(given: unknown, path: readonly string[], above: readonly object[]): void {
  const value = written(given, path);
  if (typeof value === 'bigint') {
    throw refused(`A BigInt${at(path)} cannot be written as JSON. Send it as a string, ${INSTEAD}`);
  }
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
  if (above.includes(value)) {
    throw refused(
      `The value leads back to itself${at(path)}, and JSON has no cycles. Send ids in place of references, ${INSTEAD}`,
    );
  }
  if (above.length === MAX_VALUE_DEPTH)
    throw refused(`The value is nested more than ${MAX_VALUE_DEPTH} deep.`);
  const around = [...above, value];
  for (const key of Object.keys(value)) {
    const inside = [...path, Array.isArray(value) ? `[${key}]` : key];
    search(member(value, key, inside), inside, around);
  }
}

function written(value: unknown, path: readonly string[]): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  const toJson = member(value, 'toJSON', [...path, 'toJSON']);
  if (typeof toJson !== 'function') return value;
  try {
    return Reflect.apply(toJson, value, [path.at(-1) ?? '']) as unknown;
  } catch (error) {
    throw refused(`The toJSON()${at(path)} threw: ${messageOf(error)}`, error);
  }
}

function member(holder: object, key: string, path: readonly string[]): unknown {
  try {
    return Reflect.get(holder, key) as unknown;
  } catch (error) {
    throw refused(`What stands${at(path)} cannot be read: ${messageOf(error)}`, error);
  }
}

function at(path: readonly string[]): string {
  return path.length === 0 ? '' : ` at "${path.join('.').replaceAll('.[', '[')}"`;
}

function refused(message: string, cause?: unknown): N2NError {
  return new N2NError('NOT_SERIALIZABLE', message, cause === undefined ? {} : { cause });
}
