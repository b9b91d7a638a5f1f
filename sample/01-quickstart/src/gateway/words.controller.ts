import { BadRequestException, Controller, Get, Query, UseFilters } from '@nestjs/common';
import { N2NErrorFilter } from './n2n-error.filter.js';
import { WordsClient } from './words.client.js';

interface CountedText {
  readonly text: string;
  readonly words: number;
}

@Controller('words')
@UseFilters(N2NErrorFilter)
export class WordsController {
  constructor(private readonly words: WordsClient) {}

  @Get()
  async count(@Query('text') text: unknown): Promise<CountedText> {
    if (typeof text !== 'string') {
      throw new BadRequestException('Ask with one text, as in /words?text=to+be+or+not+to+be');
    }
    return { text, words: await this.words.count(text) };
  }
}
