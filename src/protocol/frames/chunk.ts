/** Whole frames that are sent together, as a list of pieces of memory, so that long values are not copied. */
export class Chunk {
  /** Total length in bytes. */
  readonly length: number;

  constructor(readonly pieces: readonly Buffer[]) {
    let length = 0;
    for (const piece of pieces) length += piece.length;
    this.length = length;
  }
}
