import { Injectable } from '@nestjs/common';
import { N2NError } from 'nestjs-n2n';
import type { Progress } from '../contract.js';
import { Failure, plural, Transcript } from '../../../shared/dist/index.js';
import { Options } from '../options.js';
import { FileCounter } from './file-counter.service.js';
import type { Tally } from './tally.js';
import { TextFile } from './text-file.js';
import { WordsClient } from './words.client.js';

/** What the quickstart shows: one file counted, from the first call to the table of words. */
@Injectable()
export class Quickstart {
  constructor(
    private readonly counter: FileCounter,
    private readonly words: WordsClient,
    private readonly options: Options,
    private readonly transcript: Transcript,
  ) {}

  /** @throws Failure when it cannot be done */
  async run(file: TextFile): Promise<void> {
    const began = performance.now();
    try {
      const tally = await this.counter.count(file, this.progressTeller(file));
      this.tellResult(file, tally, performance.now() - began);
    } catch (error) {
      throw this.asFailure(error);
    }
  }

  /** Tells of 1 call, 2, 4, 8 and so on: a large file has too many to tell of each. */
  private progressTeller(file: TextFile): (progress: Progress) => void {
    let next = 1;
    return ({ calls, words }) => {
      if (calls === 0) this.tellBeginning(file);
      if (calls < next) return;
      this.transcript.say(`words.watch: ${plural(calls, 'call')}, ${plural(words, 'word')}`);
      next = calls * 2;
    };
  }

  private tellBeginning(file: TextFile): void {
    this.transcript.say(
      `connected to the words service at ${this.words.address} over ${this.words.transport}`,
    );
    this.transcript.say(`counts the words of ${file.name}`);
  }

  private tellResult(file: TextFile, tally: Tally, milliseconds: number): void {
    const { calls, words, different } = tally;
    const time = `${(milliseconds / 1000).toFixed(2)} s`;
    this.transcript.say(
      `${plural(words, 'word')}, ${different} different, in ${plural(calls, 'call')} and ${time}`,
    );
    if (file.hasForeignBytes) this.transcript.say('(some of the file is not UTF-8, and counts as spaces)');
    for (const [word, count] of tally.top(this.options.top)) tellRow(count, word);
  }

  private asFailure(error: unknown): unknown {
    if (!(error instanceof N2NError) || !isUnreachable(error)) return error;
    return new Failure(
      `${error.code}: there is no words service at ${this.words.address}. (${error.message})\n` +
        'Start it with "npm run start:words", or both services with "npm start".',
    );
  }
}

function isUnreachable({ code }: N2NError): boolean {
  return code === 'CONNECT_FAILED' || code === 'RECONNECT_FAILED';
}

/** A line of a table, in the shape of `uniq -c`. */
function tellRow(count: number, word: string): void {
  console.log(`${String(count).padStart(7)} ${word}`);
}
