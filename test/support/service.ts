import { NestFactory } from '@nestjs/core';
import { Logger, type INestMicroservice, type ModuleMetadata, type Type } from '@nestjs/common';
import type { Server as SocketIoServer } from 'socket.io';
import { N2NClient, N2NServer, type N2NClientOptions, type N2NServerOptions } from '../../src/index.js';
import { atEnd, HOST, portOf } from './harness.js';
import { recordingLogger, type RecordingLogger } from './recording-logger.js';

// Clients log the errors that a test provokes. Until a service has a log for them, they go nowhere.
Logger.overrideLogger(false);

/** What a service is made of: Nest's module metadata. */
export type Parts = Pick<ModuleMetadata, 'controllers' | 'providers' | 'imports'>;

export interface Service {
  readonly app: INestMicroservice;
  readonly strategy: N2NServer;
  readonly io: SocketIoServer;
  readonly url: string;
  readonly log: RecordingLogger;
}

/** A module class without anything of its own, for modules that are put together in a test. */
export function moduleOf(parts: ModuleMetadata): { module: Type } & ModuleMetadata {
  // Each its own class: Nest takes two modules of one class for one.
  // oxlint-disable-next-line typescript/no-extraneous-class -- a module of Nest is a class
  return { module: class TestModule {}, ...parts };
}

/** A service on a free port of the loopback interface, closed after the test. */
export async function startService(parts: Parts, options: N2NServerOptions = {}): Promise<Service> {
  const log = recordingLogger();
  const where = options.socketPath === undefined ? { port: 0, host: HOST } : {};
  const strategy = new N2NServer({ ...where, ...options });
  const app = await NestFactory.createMicroservice(moduleOf(parts), {
    strategy,
    logger: log,
    abortOnError: false,
  });
  atEnd(() => app.close());
  await app.listen();
  const io = strategy.unwrap();
  return { app, strategy, io, url: `http://${HOST}:${portOf(io.httpServer)}`, log };
}

/** A client that is closed after the test, and takes its time from the connection's events alone. */
export function startClient(url: string | readonly string[], options: N2NClientOptions = {}): N2NClient {
  const client = new N2NClient({ url, logLevel: 'ERROR', ...options });
  atEnd(() => client.close());
  return client;
}

/** How the suites of calls get their two ends; each is run for every way to connect. */
export interface Builder {
  readonly name: string;
  start(parts: Parts, server?: N2NServerOptions, client?: N2NClientOptions): Promise<Pair>;
}

export interface Pair {
  readonly service: Service;
  readonly client: N2NClient;
}

function builderOf(transport: string): Builder {
  return {
    name: transport,
    async start(parts, server, clientOptions) {
      const service = await startService(parts, server);
      const client = startClient(service.url, { transports: [transport], ...clientOptions });
      await client.connect();
      const { transportName } = client.unwrap();
      if (transportName !== transport)
        throw new Error(`the suite runs over ${transportName}, not ${transport}`);
      return { service, client };
    },
  };
}

export const BUILDERS: readonly Builder[] = [builderOf('nodeTransport'), builderOf('websocket')];
