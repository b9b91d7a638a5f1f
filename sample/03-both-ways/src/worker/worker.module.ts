import { Module, type DynamicModule } from '@nestjs/common';
import { Transcript } from '../../../shared/dist/index.js';
import { WorkerController } from './worker.controller.js';

@Module({})
export class WorkerModule {
  static with(transcript: Transcript): DynamicModule {
    return {
      module: WorkerModule,
      controllers: [WorkerController],
      providers: [{ provide: Transcript, useValue: transcript }],
    };
  }
}
