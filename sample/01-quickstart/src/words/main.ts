import 'reflect-metadata';
import type { INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { N2NServer } from 'nestjs-n2n';
import { Failure, messageOf, run, Transcript } from '../../../shared/dist/index.js';
import { COMMAND_LINE } from '../options.js';
import { WordsModule } from './words.module.js';

await run(COMMAND_LINE, async ({ wordsPort }) => {
  const server = new N2NServer({ port: wordsPort });
  // Nest would tell of a failed start as well, with a stack: the logger comes after it.
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(WordsModule, {
    strategy: server,
    logger: false,
    abortOnError: false,
  });
  app.enableShutdownHooks();
  await listen(app);
  app.useLogger(['warn', 'error', 'fatal']);

  const address = server.unwrap().httpServer.address();
  const port = typeof address === 'object' && address !== null ? address.port : wordsPort;
  app.get(Transcript).say(`serves words.count, words.watch and file.done on localhost:${port}`);
  // A launcher that is gone needs no answer.
  process.send?.({ port }, undefined, undefined, () => {});
});

async function listen(app: INestMicroservice): Promise<void> {
  try {
    await app.listen();
  } catch (error) {
    throw new Failure(`${messageOf(error)} The option is --words-port; 0 takes any.`);
  }
}
