import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { N2NClient, N2NServer } from 'nestjs-n2n';
import { firstValueFrom } from 'rxjs';
import { WORKERS_JOIN } from '../contract.js';
import { run, textOf, Transcript } from '../../../shared/dist/index.js';
import { COMMAND_LINE } from '../options.js';
import { WorkerModule } from './worker.module.js';

await run(COMMAND_LINE, async ({ name, hubPort }) => {
  const transcript = new Transcript(name, 9);
  const url = `http://localhost:${hubPort}`;
  const hub = new N2NClient({ url, reconnectionDelay: 100, maxReconnectionDelay: 1000, logging: false });

  // The worker dials, so that it needs no port and no address of its own; then it is the hub that calls.
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(WorkerModule.with(transcript), {
    strategy: new N2NServer({ client: hub }),
    logger: ['error', 'fatal'],
  });
  app.enableShutdownHooks();

  // Each connection is a new one to the hub: it is told who this is, after a lost one, too.
  hub.on('connect', () => {
    firstValueFrom(hub.send<number>(WORKERS_JOIN, name)).then(
      (count) => transcript.say(`joined the hub at ${url}, which has ${count} now`),
      (error: unknown) => transcript.say(textOf(error)),
    );
  });
  // A worker never gives up: it joins as soon as there is a hub.
  hub.on('reconnecting', (_delay, attempt) => {
    if (attempt === 1) {
      transcript.say(`there is no hub at ${url}, waits for one: "npm run start:both-ways" starts it`);
    }
  });
  await app.listen();
});
