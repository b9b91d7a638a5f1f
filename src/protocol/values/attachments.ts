import { isBoxedPrimitive } from 'node:util/types';
import { N2NError } from '../../n2n-error.js';
import { MAX_ATTACHMENTS } from '../../limits.js';
import { utf8Text } from '../buffers/text.js';

/**
 * A value that contains bytes, taken apart. In its JSON, `null` replaces each piece of bytes. The pieces follow, each
 * with its path.
 *
 * On the wire: count of pieces (u16), length of the JSON and of the paths (u32 each), the length of each piece (u32
 * each), then the JSON, the paths as JSON, and the pieces. A path says where a piece belongs, so
 * no value of a user can be mistaken for a placeholder.
 */
export interface Detached {
  /** Everything in front of the pieces. */
  readonly head: Buffer;
  readonly pieces: readonly Uint8Array[];
  /** Total length in bytes. */
  readonly length: number;
}

type Path = (string | number)[];

const FIXED_BYTES = 10;

/** Whether the value contains a Buffer or Uint8Array where JSON would write it. */
export function containsBytes(value: object): boolean {
  if (value instanceof Uint8Array) return true;
  if (Array.isArray(value)) {
    for (const item of value) {
      if (typeof item === 'object' && item !== null && containsBytes(item)) return true;
    }
    return false;
  }
  // An object with `toJSON` decides what is written, also of its bytes.
  if ('toJSON' in value && typeof value.toJSON === 'function') return false;
  for (const key in value) {
    const member = (value as Record<string, unknown>)[key];
    if (typeof member === 'object' && member !== null && containsBytes(member) && Object.hasOwn(value, key))
      return true;
  }
  return false;
}

/** @throws N2NError `NOT_SERIALIZABLE` when there are more than `MAX_ATTACHMENTS` pieces */
export function detach(value: object): Detached {
  const pieces: Uint8Array[] = [];
  const paths: Path[] = [];
  const json = Buffer.from(JSON.stringify(lift(value, [], paths, pieces)));
  if (pieces.length > MAX_ATTACHMENTS) {
    throw new N2NError(
      'NOT_SERIALIZABLE',
      `${pieces.length} Buffers in one value; at most ${MAX_ATTACHMENTS} can be sent.`,
    );
  }
  const pathText = Buffer.from(JSON.stringify(paths));
  const fixed = Buffer.alloc(FIXED_BYTES + 4 * pieces.length);
  fixed.writeUInt16BE(pieces.length, 0);
  fixed.writeUInt32BE(json.length, 2);
  fixed.writeUInt32BE(pathText.length, 6);
  let length = fixed.length + json.length + pathText.length;
  pieces.forEach((piece, index) => {
    fixed.writeUInt32BE(piece.length, FIXED_BYTES + 4 * index);
    length += piece.length;
  });
  return { head: Buffer.concat([fixed, json, pathText]), pieces, length };
}

/** Copies the value, with `null` in place of bytes. */
function lift(value: unknown, path: Path, paths: Path[], pieces: Uint8Array[]): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint8Array) {
    paths.push(path);
    pieces.push(value);
    return null;
  }
  // JSON writes the primitive value of these.
  if (isBoxedPrimitive(value)) return value;
  if (Array.isArray(value)) return value.map((item, index) => lift(item, [...path, index], paths, pieces));
  if ('toJSON' in value && typeof value.toJSON === 'function') return value;
  const copy: [string, unknown][] = [];
  for (const [key, member] of Object.entries(value))
    copy.push([key, lift(member, [...path, key], paths, pieces)]);
  return Object.fromEntries(copy);
}

/** @throws Error when lengths, paths and JSON do not match */
export function attach(body: Buffer): unknown {
  const count = body.readUInt16BE(0);
  const jsonAt = FIXED_BYTES + 4 * count;
  const pathsAt = jsonAt + body.readUInt32BE(2);
  let pieceAt = pathsAt + body.readUInt32BE(6);
  if (pieceAt > body.length) throw new RangeError('attachments reach beyond the value');
  // An object around the value: an empty path then also has a member to write to.
  const root = { value: JSON.parse(utf8Text(body, jsonAt, pathsAt)) as unknown };
  const paths = JSON.parse(utf8Text(body, pathsAt, pieceAt)) as unknown;
  if (!Array.isArray(paths) || paths.length !== count)
    throw new RangeError('as many paths as attachments are needed');
  for (let index = 0; index < count; index++) {
    const end = pieceAt + body.readUInt32BE(FIXED_BYTES + 4 * index);
    if (end > body.length) throw new RangeError('attachments reach beyond the value');
    place(root, paths[index], body.subarray(pieceAt, end));
    pieceAt = end;
  }
  return root.value;
}

/**
 * Follows a path and replaces the `null` at its end. It takes own members only, so that no path reaches a prototype.
 */
function place(root: { value: unknown }, path: unknown, piece: Buffer): void {
  if (!Array.isArray(path)) throw new TypeError('a path is a list');
  let holder: unknown = root;
  let key: unknown = 'value';
  for (const step of path) {
    holder = ownMember(holder, key);
    key = step;
  }
  if (ownMember(holder, key) !== null) throw new TypeError('an attachment takes the place of null');
  Object.defineProperty(holder, key as string, {
    value: piece,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}

function ownMember(holder: unknown, key: unknown): unknown {
  if (typeof holder !== 'object' || holder === null) throw new TypeError('a path leads through objects');
  if ((typeof key !== 'string' && typeof key !== 'number') || !Object.hasOwn(holder, key)) {
    throw new TypeError('a path leads through members that are there');
  }
  return (holder as Record<string | number, unknown>)[key];
}
