import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { Failure, run, systemCodeOf, Transcript } from '../../../shared/dist/index.js';
import { COMMAND_LINE } from '../options.js';
import { Demonstration } from './demonstration.service.js';
import { GatewayModule } from './gateway.module.js';

await run(COMMAND_LINE, async (options) => {
  // Nest would tell of a failed start as well, with a stack: the logger comes after it.
  const app = await NestFactory.create(GatewayModule.with(options), {
    logger: false,
    abortOnError: false,
    forceCloseConnections: true,
  });
  app.enableShutdownHooks();
  try {
    await app.listen(options.port, 'localhost');
  } catch (error) {
    if (systemCodeOf(error) !== 'EADDRINUSE') throw error;
    throw new Failure(
      `Port ${options.port} is in use. End the other process, or choose another port: --port 0 takes any.`,
    );
  }
  app.useLogger(['warn', 'error', 'fatal']);

  const url = await app.getUrl();
  if (options.once) {
    try {
      await app.get(Demonstration).run(url);
    } finally {
      await app.close();
    }
    return;
  }
  app.get(Transcript).say(`open ${url}, or: curl ${url}/lines | head -3    (Ctrl-C ends it)`);
});
