import { Module, type DynamicModule } from '@nestjs/common';
import { N2NServer } from 'nestjs-n2n';
import { Transcript } from '../../../shared/dist/index.js';
import { WorkersController } from './workers.controller.js';
import { Workers } from './workers.service.js';

@Module({})
export class HubModule {
  static with(server: N2NServer, transcript: Transcript): DynamicModule {
    return {
      module: HubModule,
      controllers: [WorkersController],
      providers: [
        Workers,
        { provide: N2NServer, useValue: server },
        { provide: Transcript, useValue: transcript },
      ],
    };
  }
}
