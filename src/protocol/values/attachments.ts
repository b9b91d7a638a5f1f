import { N2NError } from '../../n2n-error.js';
import { MAX_ATTACHMENTS } from '../../limits.js';
import { utf8Text } from '../buffers/text.js';
import { lift, type ValueRole } from './lift.js';
import type { Path } from './refusal.js';

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

const FIXED_BYTES = 10;

/**
 * @returns undefined where there are no bytes in the value
 * @throws N2NError `NOT_SERIALIZABLE` when there are more than `MAX_ATTACHMENTS` pieces, or for what `lift` refuses
 */
export function detach(value: object, role: ValueRole): Detached | Uint8Array | undefined {
  const pieces: Uint8Array[] = [];
  const paths: Path[] = [];
  const rest = lift(value, role, (bytes, path) => {
    pieces.push(bytes);
    paths.push([...path]);
    return null;
  });
  if (pieces.length === 0) return undefined;
  // The value is bytes, and nothing else.
  if (paths[0]?.length === 0) return pieces[0];
  const json = Buffer.from(JSON.stringify(rest));
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
