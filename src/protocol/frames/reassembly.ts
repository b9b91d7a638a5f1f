import { N2NError } from '../../n2n-error.js';
import { FRAGMENT_PREFIX_BYTES } from './frame.js';
import { IdTable } from '../buffers/id-table.js';
import { readU32 } from '../buffers/u32.js';

/** A body of which some fragments have come, and the memory for all of it. */
interface PartialBody {
  readonly type: number;
  readonly place: Buffer;
  filled: number;
}

/**
 * Puts bodies together from fragments. The first fragment says the length of the body, which is checked before memory
 * is allocated. The system provides that memory page by page as it is filled, so that a length without the bytes costs
 * almost nothing. Each fragment is copied once, as it comes, while it is in the processor's cache.
 */
export class Reassembly {
  private readonly partial = new IdTable<PartialBody>();

  /**
   * @param maxBody the longest body, in bytes
   * @param maxBodies the most bodies that may be incomplete at once
   */
  constructor(
    private readonly maxBody: number,
    private readonly maxBodies: number,
  ) {}

  get isEmpty(): boolean {
    return this.partial.size === 0;
  }

  /** Whether a frame of this type and id continues a body. Frames of other types may come between its fragments. */
  isUnderWay(type: number, id: number): boolean {
    return this.partial.get(id)?.type === type;
  }

  /**
   * Adds a fragment. It is copied, and not kept.
   * @param last whether the frame says that it is the last one of the body
   * @returns the body, with its last fragment; undefined before
   * @throws N2NError `PROTOCOL_ERROR` over a limit, or when the fragments have another length than the first one says
   */
  add(type: number, id: number, fragment: Buffer, last: boolean): Buffer | undefined {
    const known = this.partial.get(id);
    const body = known ?? this.begin(type, id, fragment);
    const data = known === undefined ? fragment.subarray(FRAGMENT_PREFIX_BYTES) : fragment;
    const filled = body.filled + data.length;
    if (filled > body.place.length || (last && filled < body.place.length) || data.length === 0) {
      throw new N2NError(
        'PROTOCOL_ERROR',
        `The fragments are not the ${body.place.length} bytes that were told.`,
      );
    }
    data.copy(body.place, body.filled);
    body.filled = filled;
    if (!last) return undefined;
    this.partial.take(id);
    return body.place;
  }

  /** Forgets the fragments of a body whose call is over. */
  drop(id: number): void {
    this.partial.take(id);
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
    const body = { type, place: Buffer.allocUnsafeSlow(length), filled: 0 };
    this.partial.add(id, body);
    return body;
  }
}
