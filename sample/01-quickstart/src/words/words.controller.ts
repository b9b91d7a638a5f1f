import { Controller } from '@nestjs/common';
import { EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import type { Observable } from 'rxjs';
import {
  FILE_DONE,
  WORDS_COUNT,
  WORDS_WATCH,
  type CountRequest,
  type FileDone,
  type Progress,
  type WordCounts,
} from '../contract.js';
import { plural, Transcript } from '../../../shared/dist/index.js';
import { CountRequestPipe } from './count-request.pipe.js';
import { WordsService } from './words.service.js';

@Controller()
export class WordsController {
  constructor(
    private readonly words: WordsService,
    private readonly transcript: Transcript,
  ) {}

  @MessagePattern(WORDS_COUNT)
  count(@Payload(CountRequestPipe) request: CountRequest): number | WordCounts {
    return typeof request === 'string' ? this.words.count(request) : this.words.countEach(request);
  }

  @MessagePattern(WORDS_WATCH)
  watch(@Payload() job: string): Observable<Progress> {
    return this.words.watch(job);
  }

  @EventPattern(FILE_DONE)
  onFileDone(@Payload() { job, file, words }: FileDone): void {
    this.transcript.say(`file.done: ${file}, ${plural(words, 'word')}`);
    this.words.finish(job);
  }
}
