import type { WordCounts } from '../contract.js';

/** How often each word occurs in a file, put together from its pieces. */
export class Tally {
  calls = 0;
  words = 0;
  private readonly counts = new Map<string, number>();

  get different(): number {
    return this.counts.size;
  }

  add(pieceCounts: WordCounts): void {
    this.calls += 1;
    for (const [word, count] of pieceCounts) {
      this.words += count;
      this.counts.set(word, (this.counts.get(word) ?? 0) + count);
    }
  }

  /** The most frequent words, those of the same frequency in order of their letters. */
  top(length: number): WordCounts {
    const sorted = [...this.counts].toSorted(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
    return sorted.slice(0, length);
  }
}
