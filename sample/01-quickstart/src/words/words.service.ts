import { Injectable } from '@nestjs/common';
import { filter, scan, startWith, Subject, takeUntil, type Observable } from 'rxjs';
import type { Piece, Progress, WordCounts } from '../contract.js';

/**
 * A word is a run of letters and digits of any script, in lower case. For a text in ASCII it is what this counts:
 *
 *     tr -cs 'A-Za-z0-9' '\n' | tr 'A-Z' 'a-z' | grep -v '^$' | sort | uniq -c
 */
const WORD = /[\p{L}\p{M}\p{N}]+/gu;

interface Counted {
  readonly job: string;
  readonly words: number;
}

@Injectable()
export class WordsService {
  private readonly counted = new Subject<Counted>();
  private readonly finished = new Subject<string>();

  count(text: string): number {
    return wordsOf(text).length;
  }

  countEach({ job, text }: Piece): WordCounts {
    const words = wordsOf(text);
    const counts = new Map<string, number>();
    for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
    this.counted.next({ job, words: words.length });
    return [...counts];
  }

  watch(job: string): Observable<Progress> {
    const nothing: Progress = { calls: 0, words: 0 };
    return this.counted.pipe(
      filter((piece) => piece.job === job),
      scan(({ calls, words }, piece) => ({ calls: calls + 1, words: words + piece.words }), nothing),
      startWith(nothing),
      takeUntil(this.finished.pipe(filter((done) => done === job))),
    );
  }

  finish(job: string): void {
    this.finished.next(job);
  }
}

function wordsOf(text: string): readonly string[] {
  return (text.match(WORD) ?? []).map((word) => word.toLowerCase());
}
