import { Module, type DynamicModule } from '@nestjs/common';
import { N2NModule } from 'nestjs-n2n';
import { Options } from '../options.js';
import { Transcript } from '../../../shared/dist/index.js';
import { FileCounter } from './file-counter.service.js';
import { Quickstart } from './quickstart.service.js';
import { WordsClient, wordsAddress } from './words.client.js';
import { WordsController } from './words.controller.js';

@Module({})
export class GatewayModule {
  static with(options: Options): DynamicModule {
    return {
      module: GatewayModule,
      imports: [
        N2NModule.register({
          url: wordsAddress(options),
          // About two seconds of attempts: enough for a words service that is just being started.
          reconnectionDelay: 100,
          maxReconnectionAttempts: 4,
          connectTimeout: 2000,
          // The transcript tells what happens.
          logging: false,
        }),
      ],
      controllers: [WordsController],
      providers: [
        FileCounter,
        Quickstart,
        WordsClient,
        { provide: Options, useValue: options },
        { provide: Transcript, useValue: new Transcript('gateway') },
      ],
    };
  }
}
