import type { PayloadSource } from './payload.js';

/** The number stands at the beginning, in the middle and at the end. */
const SEQ_BYTES = 4;

/** One in how many answers is compared byte by byte; of all the others, the length and the three numbers are. */
const WHOLE_CHECK_EVERY = 16;

/**
 * Buffers. There are a few, used in turn: a fresh one a call would be the harness's cost, and the largest of all. One is
 * used again only when its call has been answered, and has left the sender long since.
 */
export class BinaryPayloads implements PayloadSource {
  readonly #buffers: readonly Buffer[];
  readonly #expected: Buffer;
  #seq = 0;

  /** @param inFlight how many calls may be under way at once */
  constructor(
    readonly bytes: number,
    inFlight: number,
  ) {
    if (bytes < 3 * SEQ_BYTES) throw new RangeError(`A payload has at least ${3 * SEQ_BYTES} bytes.`);
    this.#expected = Buffer.alloc(bytes);
    for (let i = 0; i < bytes; i++) this.#expected[i] = (i * 31) >>> 3;
    this.#buffers = Array.from({ length: 2 * inFlight }, () => Buffer.from(this.#expected));
  }

  get seq(): number {
    return this.#seq;
  }

  next(): Buffer {
    this.#seq = (this.#seq + 1) % 2 ** 31;
    const buffer = this.#buffers[this.#seq % this.#buffers.length];
    if (buffer === undefined) throw new RangeError('There is at least one call in flight.');
    this.#number(buffer, this.#seq);
    return buffer;
  }

  isEcho(answer: unknown, seq: number): boolean {
    const bytes = bytesOf(answer);
    if (bytes?.length !== this.bytes) return false;
    if (this.#places().some((at) => bytes.readUInt32BE(at) !== seq)) return false;
    if (seq % WHOLE_CHECK_EVERY !== 0) return true;
    this.#number(this.#expected, seq);
    return bytes.equals(this.#expected);
  }

  #number(buffer: Buffer, seq: number): void {
    for (const at of this.#places()) buffer.writeUInt32BE(seq, at);
  }

  #places(): readonly number[] {
    return [0, this.bytes >>> 1, this.bytes - SEQ_BYTES];
  }
}

/** Over Nest's TCP transport a Buffer comes as what `Buffer.toJSON` makes of it; whoever wants bytes turns it back. */
function bytesOf(answer: unknown): Buffer | undefined {
  if (Buffer.isBuffer(answer)) return answer;
  const { type, data } = (answer ?? {}) as { type?: unknown; data?: unknown };
  return type === 'Buffer' && Array.isArray(data) ? Buffer.from(data as number[]) : undefined;
}
