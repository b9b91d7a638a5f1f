import { Module, type DynamicModule } from '@nestjs/common';
import { N2NModule } from 'nestjs-n2n';
import type { Options } from '../options.js';
import { Transcript } from '../../../shared/dist/index.js';
import { Demonstration } from './demonstration.service.js';
import { LinesClient } from './lines.client.js';
import { LinesController } from './lines.controller.js';

@Module({})
export class GatewayModule {
  static with({ linesPort }: Options): DynamicModule {
    return {
      module: GatewayModule,
      imports: [
        N2NModule.register({
          url: `http://localhost:${linesPort}`,
          // About two seconds of attempts: enough for a lines service that is just being started.
          reconnectionDelay: 100,
          maxReconnectionAttempts: 4,
          // The transcript tells what happens.
          logging: false,
        }),
      ],
      controllers: [LinesController],
      providers: [Demonstration, LinesClient, { provide: Transcript, useValue: new Transcript('gateway') }],
    };
  }
}
