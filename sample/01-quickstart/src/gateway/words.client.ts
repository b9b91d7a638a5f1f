import { Injectable } from '@nestjs/common';
import { N2NClient } from 'nestjs-n2n';
import { firstValueFrom, type Observable } from 'rxjs';
import {
  FILE_DONE,
  WORDS_COUNT,
  WORDS_WATCH,
  type FileDone,
  type Piece,
  type Progress,
  type WordCounts,
} from '../contract.js';
import { Options } from '../options.js';

/** The words service, as the gateway sees it. */
@Injectable()
export class WordsClient {
  constructor(
    private readonly n2n: N2NClient,
    private readonly options: Options,
  ) {}

  get address(): string {
    return wordsAddress(this.options);
  }

  /** What the connection is made over. */
  get transport(): string {
    return this.n2n.unwrap().transportName ?? 'no connection';
  }

  count(text: string): Promise<number> {
    return firstValueFrom(this.n2n.send<number, string>(WORDS_COUNT, text));
  }

  countEach(piece: Piece): Promise<WordCounts> {
    return firstValueFrom(this.n2n.send<WordCounts, Piece>(WORDS_COUNT, piece));
  }

  watch(job: string): Observable<Progress> {
    return this.n2n.send<Progress, string>(WORDS_WATCH, job);
  }

  /** An event has no answer: all that can be known is that it was sent. */
  fileDone(file: FileDone): void {
    this.n2n.emit<void, FileDone>(FILE_DONE, file);
  }
}

/** Where the words service is looked for. */
export function wordsAddress({ wordsPort }: Options): string {
  return `http://localhost:${wordsPort}`;
}
