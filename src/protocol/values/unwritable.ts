import { isArrayBufferView, isMap, isNativeError, isRegExp, isSet } from 'node:util/types';
import { at, OTHER_CODEC, refused, type Path } from './refusal.js';

/** @throws N2NError `NOT_SERIALIZABLE` for a function or a symbol, which JSON would leave out without a word */
export function refuseBehaviour(value: unknown, path: Path): void {
  if (typeof value !== 'function' && typeof value !== 'symbol') return;
  throw refused(`A ${typeof value}${at(path)} cannot be sent; send data that JSON can express, or bytes.`);
}

/**
 * No codec can write values that are still to come.
 * @throws N2NError `NOT_SERIALIZABLE` for a Promise, and for what is a stream where it is a payload or an answer
 */
export function refuseSource(value: object, path: Path): void {
  const { then, subscribe, lift, pipe, on } = value as Record<string, unknown>;
  if (typeof then === 'function')
    throw refused(`${nameOf(value)}${at(path)} cannot be sent: await it first.`);
  const isObservable =
    typeof subscribe === 'function' && (typeof lift === 'function' || '@@observable' in value);
  const isNodeStream = typeof pipe === 'function' && typeof on === 'function';
  if (!isObservable && !isNodeStream && !(Symbol.asyncIterator in value)) return;
  throw refused(
    `${nameOf(value)}${at(path)} cannot be sent within a value. Collect its values first, or give it alone, as the ` +
      'payload of a call or as the answer: then it is a stream.',
  );
}

/**
 * Refuses what JSON makes `{}` of, or a map of numbers.
 * @param isForError whether it is part of an error. An Error may be, as the cause of another: JSON makes `{}` of it.
 * @throws N2NError `NOT_SERIALIZABLE`
 */
export function refuseForJson(value: object, path: Path, isForError: boolean): void {
  if (isMap(value) || isSet(value) || isRegExp(value) || isArrayBufferView(value))
    throw needsCodec(value, path);
  // JSON writes what members there are.
  if (Object.keys(value).length > 0) return;
  if (isNativeError(value)) {
    if (!isForError) throw needsCodec(value, path);
    return;
  }
  refuseEmpty(value, path);
}

/**
 * Refuses an object whose contents are not its members, such as a generator or URLSearchParams: a codec would make `{}` of
 * it. An empty object of an application's class is no such object.
 * @throws N2NError `NOT_SERIALIZABLE`
 */
export function refuseEmpty(value: object, path: Path): void {
  if (!(Symbol.toStringTag in value) && !(Symbol.iterator in value)) return;
  const instead =
    value instanceof Blob
      ? 'Send its bytes: new Uint8Array(await blob.arrayBuffer())'
      : 'Send plain data in its place';
  throw refused(`${nameOf(value)}${at(path)} cannot be sent: nothing of it would arrive. ${instead}.`);
}

function needsCodec(value: object, path: Path): Error {
  return refused(
    `${nameOf(value)}${at(path)} cannot be written as JSON. Send a plain object or an array in its place, ${OTHER_CODEC}`,
  );
}

/** `A Map`, `An Observable`. */
function nameOf(value: object): string {
  const tag = Object.prototype.toString.call(value).slice('[object '.length, -1);
  const { constructor } = value as { constructor?: unknown };
  const className = typeof constructor === 'function' ? constructor.name : '';
  const name = tag === 'Object' ? className : tag;
  if (name === '' || name === 'Object') return 'An async iterable';
  return `${/^[AEIO]/.test(name) ? 'An' : 'A'} ${name}`;
}
