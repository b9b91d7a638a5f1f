import { Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import { Transcript } from '../../../shared/dist/index.js';
import { LinesController } from './lines.controller.js';
import { TextFile } from './text-file.js';

@Module({})
export class LinesModule implements OnApplicationShutdown {
  constructor(private readonly file: TextFile) {}

  static of(file: TextFile): DynamicModule {
    return {
      module: LinesModule,
      controllers: [LinesController],
      providers: [
        { provide: TextFile, useValue: file },
        { provide: Transcript, useValue: new Transcript('lines') },
      ],
    };
  }

  onApplicationShutdown(): Promise<void> {
    return this.file.dispose();
  }
}
