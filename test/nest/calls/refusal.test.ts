import { lastValueFrom } from 'rxjs';
import { describe, expect, test } from 'vitest';
import type { N2NClient, N2NErrorCode } from '../../../src/index.js';
import { atEnd, deferred, proveNothingIsLeft } from '../../support/harness.js';
import { n2nErrorOf } from '../../support/outcome.js';
import { scripted } from '../../support/scripted.js';
import { BUILDERS, startClient, startService, type Service } from '../../support/service.js';

const THREE_MORE = {
  reconnectionDelay: 1,
  maxReconnectionDelay: 1000,
  randomizationFactor: 0,
  maxReconnectionAttempts: 3,
};

function serviceOf(name: string): Promise<Service> {
  return startService(scripted(() => name));
}

/** A service that lets go of every client before it says HELLO. */
async function vanishing(): Promise<Service> {
  const service = await serviceOf('nobody');
  service.io.on('connection', (socket) => void socket.disconnect(true));
  return service;
}

/** A service that is closing, as long as a call of another client is under way. */
async function draining(): Promise<Service> {
  const begun = deferred<void>();
  const release = deferred<void>();
  const service = await startService(
    scripted(() => {
      begun.resolve();
      return release.promise;
    }),
  );
  const other = startClient(service.url);
  const underWay = lastValueFrom(other.send('call', 1), { defaultValue: undefined });
  await begun.promise;
  const told = new Promise<void>((resolve) => {
    other.status.subscribe((status) => status === 'draining' && resolve());
  });
  void service.app.close();
  await told;
  atEnd(async () => {
    release.resolve();
    await underWay;
  });
  return service;
}

const REFUSALS: readonly [name: string, start: () => Promise<Service>, code: N2NErrorCode][] = [
  ['lets go of it before HELLO', vanishing, 'CONNECT_FAILED'],
  ['is draining', draining, 'DRAINING'],
];

// Connections that come to no session.
for (const builder of BUILDERS) {
  function clientOf(urls: string[], options = {}): N2NClient {
    return startClient(urls, { ...THREE_MORE, transports: [builder.name], ...options });
  }

  describe(`a client of a server that refuses the session, over ${builder.name}`, () => {
    proveNothingIsLeft();

    test.each(REFUSALS)('%s: each time is a failed attempt, as any other', async (_name, start, code) => {
      const refusing = await start();
      const client = clientOf([refusing.url]);
      const delays: number[] = [];
      let connections = 0;
      refusing.io.on('connection', () => (connections += 1));
      client.on('reconnecting', (delay: number) => delays.push(delay));
      client.on('connect', () => expect.unreachable('there is no session'));
      await expect(client.connect()).rejects.toMatchObject({ code });
      await n2nErrorOf(client.send('echo', 1), code);
      expect([delays, connections]).toEqual([[1, 2, 4], 4]);
    });

    test.each(REFUSALS)('%s: the next address is used', async (_name, start) => {
      const [refusing, other] = [await start(), await serviceOf('other')];
      const client = clientOf([refusing.url, other.url]);
      await client.connect();
      expect(await lastValueFrom(client.send('call', 1))).toBe('other');
    });

    test('because it speaks otherwise: the next address is used, and it is not asked again', async () => {
      const refusing = await startService(
        scripted(() => 1),
        { codec: 'v8' },
      );
      const other = await serviceOf('other');
      let connections = 0;
      refusing.io.on('connection', () => (connections += 1));
      const client = clientOf([refusing.url, other.url]);
      await client.connect();
      expect(await lastValueFrom(client.send('call', 1))).toBe('other');
      expect(connections).toBe(1);
    });

    test('because it speaks otherwise, where there is no other: it is not asked again', async () => {
      const refusing = await startService(
        scripted(() => 1),
        { codec: 'v8' },
      );
      const client = clientOf([refusing.url]);
      await expect(client.connect()).rejects.toMatchObject({ code: 'VERSION_MISMATCH' });
      expect(client.unwrap().reconnecting).toBe(false);
      await n2nErrorOf(client.send('echo', 1), 'VERSION_MISMATCH');
    });
  });
}
