/** Frames that leave together, whole, in the pieces of memory in which they stand: what is long is not copied. */
export class Chunk {
  /** Bytes of the whole. */
  readonly length: number;

  constructor(readonly pieces: readonly Buffer[]) {
    let length = 0;
    for (const piece of pieces) length += piece.length;
    this.length = length;
  }
}
