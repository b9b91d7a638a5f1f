import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { N2NClientOptions, N2NServerOptions } from '../../src/index.js';
import { createAuthority } from './certificates.js';
import { atEnd, portOf } from './harness.js';
import { NO_HANDLERS } from './scripted.js';
import { startClient, startService, type Pair, type Parts } from './service.js';
import { hostOver, type Way } from './ways.js';

/** Where a service listens other than on a TCP port in the clear. Its client is not connected yet. */
interface Place {
  readonly name: string;
  open(parts: Parts, server: N2NServerOptions, client: N2NClientOptions): Promise<Pair>;
}

const authority = createAuthority();
const keys = authority.issue('localhost');

const PLACES: readonly Place[] = [
  {
    name: 'TLS',
    async open(parts, server, client) {
      const service = await startService(parts, { tls: keys, host: 'localhost', ...server });
      const url = `https://localhost:${portOf(service.io.httpServer)}`;
      return {
        service: { ...service, url },
        client: startClient(url, { tls: { ca: authority.ca }, ...client }),
      };
    },
  },
  {
    name: 'a Unix socket',
    async open(parts, server, client) {
      const directory = await mkdtemp(join(tmpdir(), 'n2n-'));
      atEnd(() => rm(directory, { recursive: true }));
      const socketPath = join(directory, 'n2n.sock');
      const url = `unix:${socketPath}`;
      const service = await startService(parts, { socketPath, ...server });
      return { service: { ...service, url }, client: startClient(url, client) };
    },
  },
];

const LINKS = PLACES.flatMap((place) =>
  ['nodeTransport', 'websocket'].map((transport) => ({
    place,
    transport,
    name: `${transport}, ${place.name}`,
  })),
);

const towardsService: Way[] = LINKS.map(({ place, transport, name }) => ({
  name: `to the service, over ${name}`,
  async start(parts, { host, caller, both, client: own } = {}) {
    const options = { transports: [transport], ...caller, ...both, ...own };
    const { service, client } = await place.open(parts, { ...host, ...both }, options);
    await client.connect();
    const { strategy, log } = service;
    const closeCaller = async (): Promise<void> => client.close();
    const closeHost = (): Promise<void> => service.app.close();
    return { service, client, caller: client, strategy, log, closeCaller, closeHost };
  },
}));

const towardsClient: Way[] = LINKS.map(({ place, transport, name }) => ({
  name: `to the client, over ${name}`,
  async start(parts, { host, caller, both, client: own } = {}) {
    const options = { transports: [transport], ...both, ...own };
    const { service, client } = await place.open(NO_HANDLERS, { ...caller, ...both }, options);
    const { log, strategy } = await hostOver(client, parts, { ...host, codec: both?.codec });
    await client.connect();
    const [peer] = service.strategy.peers;
    if (peer === undefined || service.strategy.peers.size !== 1) throw new Error('there is not one peer');
    const closeCaller = (): Promise<void> => service.app.close();
    const closeHost = async (): Promise<void> => client.close();
    return { service, client, caller: peer, strategy, log, closeCaller, closeHost };
  },
}));

/** The ways of `WAYS`, over TLS and over Unix domain sockets. Suites of closing, draining and losing run over these, too. */
export const PLACED_WAYS: readonly Way[] = [...towardsService, ...towardsClient];
