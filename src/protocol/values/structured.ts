import {
  isAnyArrayBuffer,
  isArrayBufferView,
  isBoxedPrimitive,
  isDate,
  isMap,
  isNativeError,
  isRegExp,
  isSet,
} from 'node:util/types';
import { kindOf } from './plain.js';
import { refuseBehaviour, refuseEmpty, refuseSource } from './unwritable.js';

const { asyncIterator } = Symbol;
const { getPrototypeOf } = Object;

/** As many objects are looked at on the short way, which would go round a cycle for ever. */
const MOST_OBJECTS = 1000;

let objectsLeft = 0;

/**
 * Refuses what Node's structured clone cannot write, because its errors do not say where in a value that is, and what it
 * makes `{}` of, such as an async iterable.
 *
 * Most values are looked through the short way: 0.5 us for 1 kB of nested objects, beside 6 us that writing takes. To keep
 * in mind what has been visited takes eight times as long.
 *
 * @throws N2NError `NOT_SERIALIZABLE`
 */
export function refuseUncloneable(value: unknown): void {
  objectsLeft = MOST_OBJECTS;
  if (isCloneable(value)) return;
  try {
    new Search().visit(value);
  } catch (error) {
    // Deeper than the stack: it is for the structured clone to say how deep it goes.
    if (!(error instanceof RangeError)) throw error;
  }
}

/** Whether there is nothing in a value but plain data. It errs on the side of no. */
function isCloneable(value: unknown): boolean {
  if (typeof value !== 'object') return typeof value !== 'function' && typeof value !== 'symbol';
  if (value === null) return true;
  objectsLeft -= 1;
  if (objectsLeft < 0) return false;
  if (Array.isArray(value)) {
    for (const item of value) if (!isCloneable(item)) return false;
    return true;
  }
  const prototype = getPrototypeOf(value) as object | null;
  if (prototype !== Object.prototype && prototype !== null && kindOf(value, prototype) !== 'data') {
    return isDate(value) || isArrayBufferView(value);
  }
  if (asyncIterator in value) return false;
  for (const key in value) if (!isCloneable((value as Record<string, unknown>)[key])) return false;
  return true;
}

class Search {
  private readonly path: (string | number)[] = [];
  private readonly visited = new Set<object>();

  visit(value: unknown): void {
    if (typeof value !== 'object' || value === null) {
      refuseBehaviour(value, this.path);
      return;
    }
    // It stands in the value twice, or leads back to itself.
    if (this.visited.has(value)) return;
    this.visited.add(value);
    if (Array.isArray(value)) value.forEach((item, index) => this.visitAt(index, item));
    else if (isMap(value)) this.visitMap(value);
    else if (isSet(value)) for (const member of value) this.visit(member);
    else if (!isWhole(value)) this.visitMembers(value);
  }

  private visitAt(key: string | number, value: unknown): void {
    this.path.push(key);
    this.visit(value);
    this.path.pop();
  }

  private visitMap(map: ReadonlyMap<unknown, unknown>): void {
    for (const [key, value] of map) {
      this.visit(key);
      this.visitAt(typeof key === 'string' || typeof key === 'number' ? key : 'value', value);
    }
  }

  private visitMembers(value: object): void {
    refuseSource(value, this.path);
    const members = Object.entries(value);
    if (members.length === 0) refuseEmpty(value, this.path);
    for (const [key, member] of members) this.visitAt(key, member);
  }
}

/** Whether structured clone writes it as what it is. */
function isWhole(value: object): boolean {
  return (
    isArrayBufferView(value) ||
    isDate(value) ||
    isRegExp(value) ||
    isNativeError(value) ||
    isBoxedPrimitive(value) ||
    isAnyArrayBuffer(value)
  );
}
