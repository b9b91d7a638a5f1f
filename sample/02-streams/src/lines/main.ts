import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { N2NServer } from 'nestjs-n2n';
import { Failure, messageOf, run, Transcript } from '../../../shared/dist/index.js';
import { COMMAND_LINE } from '../options.js';
import { LinesModule } from './lines.module.js';
import { TextFile } from './text-file.js';

await run(COMMAND_LINE, async (options) => {
  const file = await (options.file === undefined ? TextFile.ofAMillionLines() : TextFile.at(options.file));
  const server = new N2NServer({ port: options.linesPort });
  // Nest would tell of a failed start as well, with a stack: the logger comes after it.
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(LinesModule.of(file), {
    strategy: server,
    logger: false,
    abortOnError: false,
  });
  app.enableShutdownHooks();
  try {
    await app.listen();
  } catch (error) {
    await file.dispose();
    throw new Failure(`${messageOf(error)} The option is --lines-port; 0 takes any.`);
  }
  app.useLogger(['warn', 'error', 'fatal']);

  const address = server.unwrap().httpServer.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.linesPort;
  app.get(Transcript).say(`serves the lines of ${file.path} on localhost:${port}`);
  // A launcher that is gone needs no answer.
  process.send?.({ port }, undefined, undefined, () => {});
});
