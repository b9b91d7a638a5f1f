import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { N2NError } from 'nestjs-n2n';
import { firstValueFrom, lastValueFrom, share, tap } from 'rxjs';
import type { Progress } from '../contract.js';
import { Failure, plural } from '../../../shared/dist/index.js';
import { piecesOf } from './pieces.js';
import { Tally } from './tally.js';
import type { TextFile } from './text-file.js';
import { WordsClient } from './words.client.js';

/** Characters. Small, so that there is something to watch. */
const PIECE = 1024;

/** As many pieces are with the words service at once. */
const CALLS_IN_FLIGHT = 64;

/** The words service went away. Whether it counted the pieces that were with it, nobody can tell. */
export class CountInterrupted extends Failure {
  constructor(callsAnswered: number, callsLost: number) {
    super(
      `CONNECTION_LOST: the words service went away. ${plural(callsAnswered, 'call')} had been answered; ` +
        `${callsLost} under way ended with this error.`,
    );
  }
}

@Injectable()
export class FileCounter {
  constructor(private readonly words: WordsClient) {}

  /**
   * Has the words of a file counted.
   *
   * @param onProgress is called with what the words service tells of the job: first when it has begun to watch
   * @throws CountInterrupted when the words service is lost on the way
   */
  async count(file: TextFile, onProgress: (progress: Progress) => void): Promise<Tally> {
    const job = randomUUID();
    const progress = this.words.watch(job).pipe(tap(onProgress), share());
    const isWatched = firstValueFrom(progress);
    const isWatchedToTheEnd = lastValueFrom(progress);
    // Where the stream fails, the calls do, and say so.
    isWatchedToTheEnd.catch(() => {});
    await isWatched;

    const tally = await this.countPieces(job, file);
    this.words.fileDone({ job, file: file.name, words: tally.words });
    try {
      // The words service ends the stream when it has got the event.
      await isWatchedToTheEnd;
    } catch (error) {
      throw isConnectionLost(error) ? new CountInterrupted(tally.calls, 0) : error;
    }
    return tally;
  }

  private async countPieces(job: string, file: TextFile): Promise<Tally> {
    const tally = new Tally();
    const pieces = piecesOf(file.chunks(), PIECE);
    const errors: unknown[] = [];
    const countOneAfterTheOther = async (): Promise<void> => {
      try {
        for await (const text of pieces) {
          if (errors.length > 0) return;
          tally.add(await this.words.countEach({ job, text }));
        }
      } catch (error) {
        errors.push(error);
        // Others may wait for their next piece, from a pipe perhaps for ever.
        file.close();
      }
    };
    // All take from the same pieces, each as soon as it has the answer for its last.
    await Promise.all(Array.from({ length: CALLS_IN_FLIGHT }, countOneAfterTheOther));
    const callsLost = errors.filter(isConnectionLost).length;
    if (callsLost > 0) throw new CountInterrupted(tally.calls, callsLost);
    if (errors.length > 0) throw errors[0];
    return tally;
  }
}

function isConnectionLost(error: unknown): boolean {
  return error instanceof N2NError && error.code === 'CONNECTION_LOST';
}
