import { N2NError } from '../n2n-error.js';
import { FRAGMENT_PREFIX_BYTES } from './frame.js';
import { readU32 } from './u32.js';

/**
 * Up to this length, the fragments of a body are kept and joined when it is whole: memory that is filled as they come
 * may be old by the end, which costs V8 more to free, and an echo of 1 MiB took 1.15 times as long. Longer bodies are few,
 * and to join one would stop everything else.
 */
const MOST_JOINED = 2 * 1024 * 1024;

/** A fragment that is shorter than this is not kept: it may hold much more memory than its own. */
const LEAST_KEPT = 16 * 1024;

/** A body under way: its fragments, or the place in which it is put together. */
interface PartialBody {
  readonly type: number;
  readonly length: number;
  filled: number;
  pieces: Buffer[];
  place: Buffer | undefined;
}

/**
 * Bodies that came in fragments. The first fragment tells the length of the whole, which is checked before memory is
 * asked for, and the system gives that memory page by page as it is filled: a length that is told and not sent costs next
 * to nothing. No byte is copied twice, however long the body.
 */
export class Reassembly {
  private readonly partial = new Map<number, PartialBody>();

  /**
   * @param maxBody the longest body, in bytes
   * @param maxBodies the most bodies under way at once
   */
  constructor(
    private readonly maxBody: number,
    private readonly maxBodies: number,
  ) {}

  get isEmpty(): boolean {
    return this.partial.size === 0;
  }

  /** Whether a frame of this type and id goes on with a body. Frames of other types may stand between its fragments. */
  isUnderWay(type: number, id: number): boolean {
    return this.partial.get(id)?.type === type;
  }

  /**
   * Adds a fragment, whose bytes are its receiver's.
   * @param last whether it is marked as the last one of the body
   * @returns the whole body with the last fragment, undefined before
   * @throws N2NError `PROTOCOL_ERROR` over a limit, or when the fragments are not as long as was told
   */
  add(type: number, id: number, fragment: Buffer, last: boolean): Buffer | undefined {
    const known = this.partial.get(id);
    const body = known ?? this.begin(type, id, fragment);
    const data = known === undefined ? fragment.subarray(FRAGMENT_PREFIX_BYTES) : fragment;
    const filled = body.filled + data.length;
    if (filled > body.length || (last && filled < body.length) || data.length === 0) {
      throw new N2NError('PROTOCOL_ERROR', `The fragments are not the ${body.length} bytes that were told.`);
    }
    keep(body, data, last);
    if (!last) return undefined;
    this.partial.delete(id);
    return body.place ?? Buffer.concat(body.pieces, body.length);
  }

  /** Forgets what came of a body whose call is over. */
  drop(id: number): void {
    this.partial.delete(id);
  }

  private begin(type: number, id: number, fragment: Buffer): PartialBody {
    if (fragment.length < FRAGMENT_PREFIX_BYTES) {
      throw new N2NError(
        'PROTOCOL_ERROR',
        'The first fragment is too short to tell the length of the whole.',
      );
    }
    const length = readU32(fragment, 0);
    if (length > this.maxBody || this.partial.size >= this.maxBodies) {
      throw new N2NError(
        'PROTOCOL_ERROR',
        `A body of ${length} bytes in fragments is more than was agreed.`,
        {
          details: { length, maxBody: this.maxBody, maxBodies: this.maxBodies },
        },
      );
    }
    const body = { type, length, filled: 0, pieces: [], place: undefined };
    this.partial.set(id, body);
    return body;
  }
}

function keep(body: PartialBody, data: Buffer, isLast: boolean): void {
  const isKept = body.length <= MOST_JOINED && (isLast || data.length >= LEAST_KEPT);
  if (body.place === undefined && isKept) {
    body.pieces.push(data);
  } else {
    const place = (body.place ??= placeOf(body));
    data.copy(place, body.filled);
  }
  body.filled += data.length;
}

/** Where the body is put together from now on, with what was kept of it. */
function placeOf(body: PartialBody): Buffer {
  const place = Buffer.allocUnsafeSlow(body.length);
  let at = 0;
  for (const piece of body.pieces) at += piece.copy(place, at);
  body.pieces = [];
  return place;
}
