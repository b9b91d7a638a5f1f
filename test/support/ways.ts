import { NestFactory } from '@nestjs/core';
import { N2NServer, type N2NClient, type N2NClientOptions, type N2NServerOptions } from '../../src/index.js';
import type { CallProxy } from '../../src/call/call-proxy.js';
import { atEnd } from './harness.js';
import { recordingLogger, type RecordingLogger } from './recording-logger.js';
import { NO_HANDLERS } from './scripted.js';
import { BUILDERS, moduleOf, startClient, startService, type Parts, type Service } from './service.js';

/** A connection over which one side calls handlers that the other hosts. */
export interface Ends {
  readonly service: Service;
  readonly client: N2NClient;
  /** Calls the handlers. */
  readonly caller: CallProxy;
  /** Hosts the handlers. */
  readonly strategy: N2NServer;
  /** Where the log of the side with the handlers goes. */
  readonly log: RecordingLogger;
  readonly closeCaller: () => Promise<void>;
  readonly closeHost: () => Promise<void>;
}

export interface WayOptions {
  /** Options of the side with the handlers. */
  readonly host?: Pick<N2NServerOptions, 'maxInFlight'>;
  /** Options of the side that calls. */
  readonly caller?: Pick<N2NClientOptions, 'timeout'>;
  /** Options of the client, whichever way it calls. */
  readonly client?: N2NClientOptions;
  /** Options of both. */
  readonly both?: Pick<N2NClientOptions, 'codec' | 'maxPayload' | 'resumeWindow' | 'drainTimeout'>;
}

/** A way to call: over a transport, in a direction. Suites of calls run for each. */
export interface Way {
  readonly name: string;
  start(parts: Parts, options?: WayOptions): Promise<Ends>;
}

const towardsService: Way[] = BUILDERS.map((builder) => ({
  name: `to the service, over ${builder.name}`,
  async start(parts, { host, caller, both, client: own } = {}) {
    const { service, client } = await builder.start(
      parts,
      { ...host, ...both },
      { ...caller, ...both, ...own },
    );
    const closeCaller = async (): Promise<void> => client.close();
    const closeHost = (): Promise<void> => service.app.close();
    return {
      service,
      client,
      caller: client,
      strategy: service.strategy,
      log: service.log,
      closeCaller,
      closeHost,
    };
  },
}));

const towardsClient: Way[] = BUILDERS.map((builder) => ({
  name: `to the client, over ${builder.name}`,
  async start(parts, { host, caller, both, client: own } = {}) {
    const service = await startService(NO_HANDLERS, { ...caller, ...both });
    const client = startClient(service.url, { transports: [builder.name], ...both, ...own });
    const { log, strategy } = await hostOver(client, parts, { ...host, codec: both?.codec });
    await client.connect();
    const [peer] = service.strategy.peers;
    if (peer === undefined || service.strategy.peers.size !== 1) throw new Error('there is not one peer');
    const closeCaller = (): Promise<void> => service.app.close();
    const closeHost = async (): Promise<void> => client.close();
    return { service, client, caller: peer, strategy, log, closeCaller, closeHost };
  },
}));

export const WAYS: readonly Way[] = [...towardsService, ...towardsClient];

/** Handlers for the server that the client dials. */
export async function hostOver(
  client: N2NClient,
  parts: Parts,
  options: N2NServerOptions = {},
): Promise<{ log: RecordingLogger; strategy: N2NServer }> {
  const log = recordingLogger();
  const strategy = new N2NServer({ client, ...options });
  const app = await NestFactory.createMicroservice(moduleOf(parts), {
    strategy,
    logger: log,
    abortOnError: false,
  });
  atEnd(() => app.close());
  await app.listen();
  return { log, strategy };
}

/** Breaks every connection of the service as a network does: without a word. */
export function cutConnections({ io }: Service): void {
  for (const socket of io.sockets.sockets.values()) socket.request.socket.destroy();
}
