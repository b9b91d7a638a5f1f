import 'reflect-metadata';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { N2NError } from 'nestjs-n2n';
import { Failure, run, systemCodeOf, Transcript } from '../../../shared/dist/index.js';
import { COMMAND_LINE } from '../options.js';
import { CountInterrupted } from './file-counter.service.js';
import { GatewayModule } from './gateway.module.js';
import { Quickstart } from './quickstart.service.js';
import { TextFile } from './text-file.js';

await run(COMMAND_LINE, async (options) => {
  const file = await TextFile.open(options.file);
  // Nest would tell of a failed start as well, with a stack: the logger comes after it.
  const app = await NestFactory.create(GatewayModule.with(options), {
    logger: false,
    abortOnError: false,
    forceCloseConnections: true,
  });
  app.enableShutdownHooks();
  const transcript = app.get(Transcript);
  try {
    if (options.once) await app.init();
    else await listen(app, options.port);
    app.useLogger(['warn', 'error', 'fatal']);
    await app.get(Quickstart).run(file);
  } catch (error) {
    // The application is being closed, and with it every call ends: whoever closes it knows.
    if (error instanceof N2NError && error.code === 'CLOSED') return;
    if (options.once || !(error instanceof CountInterrupted)) {
      await app.close();
      throw error;
    }
    transcript.say(error.message);
    transcript.say('serves on: start the words service again with "npm run start:words"');
  } finally {
    file.close();
  }
  if (options.once) await app.close();
  else
    transcript.say(`ask it: curl '${await app.getUrl()}/words?text=to+be+or+not+to+be'    (Ctrl-C ends it)`);
});

async function listen(app: INestApplication, port: number): Promise<void> {
  try {
    await app.listen(port, 'localhost');
  } catch (error) {
    if (systemCodeOf(error) !== 'EADDRINUSE') throw error;
    throw new Failure(
      `Port ${port} is in use. End the other process, or choose another port: --port 0 takes any.`,
    );
  }
}
