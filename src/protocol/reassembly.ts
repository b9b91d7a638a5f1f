import { N2NError } from '../n2n-error.js';

/** A body under way: what came of it, in memory of at most four times the bytes received. */
class PartialBody {
  private bytes: Buffer;
  private filled = 0;

  constructor(first: Buffer) {
    this.bytes = Buffer.allocUnsafeSlow(first.length * 4);
    this.append(first);
  }

  get length(): number {
    return this.filled;
  }

  get whole(): Buffer {
    return this.bytes.subarray(0, this.filled);
  }

  append(fragment: Buffer): void {
    const needed = this.filled + fragment.length;
    if (needed > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(needed * 2);
      this.bytes.copy(larger, 0, 0, this.filled);
      this.bytes = larger;
    }
    fragment.copy(this.bytes, this.filled);
    this.filled = needed;
  }
}

/**
 * Bodies that came in fragments, put together. Every fragment is copied once, however small it is, so thousands of tiny
 * ones cost no more memory than their bytes.
 */
export class Reassembly {
  private readonly partial = new Map<number, PartialBody>();
  private bytes = 0;

  /**
   * @param maxBody the longest body, in bytes
   * @param maxBytes the most bytes of all bodies under way
   */
  constructor(
    private readonly maxBody: number,
    private readonly maxBytes: number,
  ) {}

  get isEmpty(): boolean {
    return this.partial.size === 0;
  }

  /**
   * Adds a fragment.
   * @param last whether it is the last one of the body
   * @returns the whole body with the last fragment, undefined before
   * @throws N2NError `PROTOCOL_ERROR` over a limit
   */
  add(id: number, fragment: Buffer, last: boolean): Buffer | undefined {
    let body = this.partial.get(id);
    if (body === undefined) {
      body = new PartialBody(fragment);
      this.partial.set(id, body);
    } else {
      body.append(fragment);
    }
    this.bytes += fragment.length;
    if (body.length > this.maxBody || this.bytes > this.maxBytes) {
      throw new N2NError('PROTOCOL_ERROR', 'The other side sends more in fragments than was agreed.', {
        details: { maxBody: this.maxBody, maxBytes: this.maxBytes },
      });
    }
    if (!last) return undefined;
    this.drop(id);
    return body.whole;
  }

  has(id: number): boolean {
    return this.partial.has(id);
  }

  /** Forgets what came of a body whose call is over. */
  drop(id: number): void {
    const body = this.partial.get(id);
    if (body === undefined) return;
    this.bytes -= body.length;
    this.partial.delete(id);
  }
}
