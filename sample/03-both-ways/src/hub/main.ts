import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { N2NServer } from 'nestjs-n2n';
import { Failure, messageOf, plural, run, systemCodeOf, Transcript } from '../../../shared/dist/index.js';
import { COMMAND_LINE, type Options } from '../options.js';
import { HubModule } from './hub.module.js';
import { Workers } from './workers.service.js';

await run(COMMAND_LINE, async (options) => {
  const transcript = new Transcript('hub', 9);
  // A worker whose connection is lost is taken for gone at once: another does its piece sooner than it could come back.
  const server = new N2NServer({ port: options.hubPort, resumeWindow: 0 });
  // Nest would tell of a failed start as well, with a stack: the logger comes after it.
  const app = await NestFactory.create(HubModule.with(server, transcript), {
    logger: false,
    abortOnError: false,
    forceCloseConnections: true,
  });
  app.connectMicroservice<MicroserviceOptions>({ strategy: server });
  app.enableShutdownHooks();
  try {
    await app.startAllMicroservices();
    if (options.once) await app.init();
    else await app.listen(options.port, 'localhost');
  } catch (error) {
    throw startFailure(error, options);
  }
  app.useLogger(['warn', 'error', 'fatal']);

  const address = server.unwrap().httpServer.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.hubPort;
  transcript.say(`takes workers on localhost:${port}`);
  // A launcher that is gone needs no answer.
  process.send?.({ port }, undefined, undefined, () => {});

  try {
    await countOnce(app.get(Workers), options, transcript);
  } catch (error) {
    await app.close();
    throw error;
  }
  if (options.once) await app.close();
  else transcript.say(`ask it: curl '${await app.getUrl()}/primes?below=1000000'    (Ctrl-C ends it)`);
});

async function countOnce(workers: Workers, options: Options, transcript: Transcript): Promise<void> {
  await workers.atLeast(options.workers);
  const began = performance.now();
  const { primes, pieces, shares } = await workers.countPrimes(options.below);
  const seconds = ((performance.now() - began) / 1000).toFixed(2);
  transcript.say(`${primes} primes below ${options.below}, in ${plural(pieces, 'piece')} and ${seconds} s`);
  for (const [name, share] of shares) transcript.say(`${name} did ${plural(share, 'piece')}`);
}

function startFailure(error: unknown, { port }: Options): unknown {
  if (systemCodeOf(error) === 'CONNECT_FAILED') {
    return new Failure(`${messageOf(error)} The option is --hub-port; 0 takes any.`);
  }
  if (systemCodeOf(error) !== 'EADDRINUSE') return error;
  return new Failure(
    `Port ${port} is in use. End the other process, or choose another port: --port 0 takes any.`,
  );
}
