import { Module } from '@nestjs/common';
import { Transcript } from '../../../shared/dist/index.js';
import { WordsController } from './words.controller.js';
import { WordsService } from './words.service.js';

@Module({
  controllers: [WordsController],
  providers: [WordsService, { provide: Transcript, useValue: new Transcript('words') }],
})
export class WordsModule {}
