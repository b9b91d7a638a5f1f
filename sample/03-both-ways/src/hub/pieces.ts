import type { Range } from '../contract.js';

/** So many numbers are a few milliseconds of work. */
const PIECE = 1_000_000;

/** The numbers below `below` in pieces; a piece that was not done can be put back. */
export class Pieces {
  readonly total: number;
  private next = 0;
  private readonly returned: Range[] = [];

  constructor(private readonly below: number) {
    this.total = Math.ceil(below / PIECE);
  }

  take(): Range | undefined {
    const returned = this.returned.pop();
    if (returned !== undefined || this.next >= this.below) return returned;
    const from = this.next;
    this.next = Math.min(from + PIECE, this.below);
    return { from, to: this.next };
  }

  putBack(piece: Range): void {
    this.returned.push(piece);
  }
}
