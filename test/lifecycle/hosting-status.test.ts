import { NestFactory } from '@nestjs/core';
import { firstValueFrom } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { N2NModule, N2NServer } from '../../src/index.js';
import { atEnd, freePort, HOST, proveNothingIsLeft } from '../support/harness.js';
import { NO_HANDLERS, scripted } from '../support/scripted.js';
import { moduleOf, startClient, startService, type Service } from '../support/service.js';
import { cutConnections } from '../support/ways.js';

const SOON = { reconnectionDelay: 1, maxReconnectionDelay: 20, maxReconnectionAttempts: 2 };

describe.each(['nodeTransport', 'websocket'])('N2NServer({ client }), over %s', (transport) => {
  proveNothingIsLeft();

  function follow(strategy: N2NServer) {
    const statuses: string[] = [];
    const until = (wanted: string): Promise<unknown> =>
      new Promise((resolve) => {
        const following = strategy.status.subscribe((status) => {
          if (status === wanted) queueMicrotask(() => resolve(following.unsubscribe()));
        });
      });
    strategy.status.subscribe((status) => statuses.push(status));
    return { statuses, until };
  }

  async function hubAt(port: number): Promise<Service> {
    return startService(NO_HANDLERS, { port, host: HOST });
  }

  test('has a status that follows its connection, from before the first to after the last', async () => {
    const port = await freePort();
    const client = startClient(`http://${HOST}:${port}`, { transports: [transport], ...SOON });
    const strategy = new N2NServer({ client });
    const { statuses, until } = follow(strategy);
    const app = await NestFactory.createMicroservice(moduleOf(scripted(() => 1)), {
      strategy,
      logger: false,
    });
    atEnd(() => app.close());
    await app.listen();
    expect(statuses).toEqual(['disconnected']);
    const hub = await hubAt(port);
    await until('connected');
    const lost = until('reconnecting');
    cutConnections(hub);
    await lost;
    await until('connected');
    const left = until('reconnecting');
    await hub.app.close();
    await left;
    await hubAt(port);
    await until('connected');
    await app.close();
    expect(statuses[0]).toBe('disconnected');
    expect(statuses.slice(1, 4)).toEqual(['connected', 'reconnecting', 'connected']);
    expect(statuses.slice(-2)).toEqual(['draining', 'disconnected']);
    const seen = statuses.length;
    await client.close();
    expect(statuses).toHaveLength(seen);
  });

  test('hosts the handlers of a second application, after the first was closed', async () => {
    const hub = await hubAt(0);
    const client = startClient(hub.url, { transports: [transport], ...SOON });
    const strategy = new N2NServer({ client });
    for (const answer of ['first', 'second']) {
      // oxlint-disable-next-line no-await-in-loop -- one application after the other
      const app = await NestFactory.createMicroservice(moduleOf(scripted(() => answer)), {
        strategy,
        logger: false,
      });
      await app.listen();
      await client.connect();
      const [peer] = hub.strategy.peers;
      expect(await firstValueFrom(peer.send('call', 1))).toBe(answer);
      await app.close();
    }
  });

  test('does so with a client that the first application has closed as its own', async () => {
    const hub = await hubAt(0);
    const registered = N2NModule.register({ url: hub.url, transports: [transport], logging: false, ...SOON });
    const [{ useValue: client }] = registered.providers as { useValue: ReturnType<typeof startClient> }[];
    atEnd(() => client.close());
    const strategy = new N2NServer({ client });
    for (const answer of ['first', 'second']) {
      const parts = { imports: [registered], ...scripted(() => answer) };
      // oxlint-disable-next-line no-await-in-loop -- one application after the other
      const app = await NestFactory.createMicroservice(moduleOf(parts), { strategy, logger: false });
      await app.listen();
      await client.connect();
      const [peer] = hub.strategy.peers;
      expect(await firstValueFrom(peer.send('call', 1))).toBe(answer);
      await app.close();
      expect(await firstValueFrom(strategy.status)).toBe('disconnected');
    }
  });
});
