import { isBoxedPrimitive } from 'node:util/types';
import { messageOf } from '../../n2n-error.js';
import { bytesOf } from './bytes.js';
import { isPlain } from './plain.js';
import { at, refused, type Path } from './refusal.js';
import { refuseBehaviour, refuseForJson, refuseSource } from './unwritable.js';

/**
 * - `value`: whatever JSON would change is refused
 * - `error`: of an error, JSON leaves out functions, and makes `{}` of an Error within it, as over Nest's TCP transport. The
 *   error would not arrive at all otherwise.
 */
export type ValueRole = 'value' | 'error';

/** Takes a piece of bytes out of a value. @returns what stands in its place */
export type TakeBytes = (bytes: Uint8Array, path: Path) => unknown;

/**
 * Copies a value as JSON would write it, and takes its bytes out.
 * @throws N2NError `NOT_SERIALIZABLE` for what JSON would change without a word, with its path
 */
export function lift(value: unknown, role: ValueRole, takeBytes: TakeBytes): unknown {
  return new Lifting(role === 'error', takeBytes).lift(value);
}

/**
 * A value for Socket.IO's own encoding, which sends bytes at any depth, and leaves the rest to JSON.
 * @throws N2NError `NOT_SERIALIZABLE`, as `lift`
 */
export function forSocketIo(value: unknown, role: ValueRole = 'value'): unknown {
  const isReady = typeof value === 'object' && value !== null && isPlain(value);
  return isReady ? value : lift(value, role, (bytes) => bytes);
}

class Lifting {
  private readonly path: (string | number)[] = [];

  constructor(
    private readonly isForError: boolean,
    private readonly takeBytes: TakeBytes,
  ) {}

  lift(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) {
      if (!this.isForError) refuseBehaviour(value, this.path);
      return value;
    }
    if (Array.isArray(value)) return value.map((item, index) => this.member(index, item));
    const prototype = Object.getPrototypeOf(value) as object | null;
    // Most objects are of no class: to ask what else they are takes longer than to copy them.
    const isOfClass = prototype !== Object.prototype && prototype !== null;
    if (isOfClass) {
      const bytes = this.bytesOf(value);
      if (bytes !== undefined) return this.takeBytes(bytes, this.path);
      // JSON writes the primitive value of these.
      if (isBoxedPrimitive(value)) return value;
    }
    // It decides what is written, also of its bytes.
    if ('toJSON' in value && typeof value.toJSON === 'function') return value;
    refuseSource(value, this.path);
    if (isOfClass) refuseForJson(value, this.path, this.isForError);
    const copy: [string, unknown][] = [];
    for (const [key, member] of Object.entries(value)) copy.push([key, this.member(key, member)]);
    return Object.fromEntries(copy);
  }

  private member(key: string | number, value: unknown): unknown {
    this.path.push(key);
    const lifted = this.lift(value);
    this.path.pop();
    return lifted;
  }

  private bytesOf(value: object): Uint8Array | undefined {
    try {
      return bytesOf(value);
    } catch (error) {
      throw refused(
        `Bytes${at(this.path)} cannot be read, and were perhaps transferred: ${messageOf(error)}`,
        error,
      );
    }
  }
}
