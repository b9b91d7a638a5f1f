import { NestFactory } from '@nestjs/core';
import { lastValueFrom } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { N2NModule, type N2NClient } from '../../../src/index.js';
import { atEnd, deferred, freePort, HOST, proveNothingIsLeft } from '../../support/harness.js';
import { asN2NError, n2nErrorOf } from '../../support/outcome.js';
import { recordingLogger } from '../../support/recording-logger.js';
import { scripted } from '../../support/scripted.js';
import { moduleOf, startClient, startService, type Service } from '../../support/service.js';
import { cutConnections } from '../../support/ways.js';

const SOON = {
  reconnectionDelay: 1,
  randomizationFactor: 0,
  maxReconnectionDelay: 20,
  maxReconnectionAttempts: Infinity,
};

function serviceOf(name: string, port = 0): Promise<Service> {
  return startService(
    scripted(() => name),
    { port },
  );
}

function whoAnswers(client: N2NClient): Promise<string> {
  return lastValueFrom(client.send<string>('call', 1));
}

async function deadUrl(): Promise<string> {
  return `http://${HOST}:${await freePort()}`;
}

describe('a client of several servers', () => {
  proveNothingIsLeft();

  test('uses the first, and one connection', async () => {
    const [a, b] = [await serviceOf('a'), await serviceOf('b')];
    const client = startClient([a.url, b.url]);
    expect([await whoAnswers(client), await whoAnswers(client)]).toEqual(['a', 'a']);
    expect([a.io.engine.clientsCount, b.io.engine.clientsCount]).toEqual([1, 0]);
  });

  test('goes to the next when the first is not there; connect() settles with it', async () => {
    const b = await serviceOf('b');
    const client = startClient([await deadUrl(), b.url], SOON);
    await client.connect();
    expect(await whoAnswers(client)).toBe('b');
  });

  test('goes to the next when the first drains, while calls under way end there', async () => {
    const release = deferred<string>();
    const begun = deferred<void>();
    const a = await startService(
      scripted(() => {
        begun.resolve();
        return release.promise;
      }),
    );
    const b = await serviceOf('b');
    const client = startClient([a.url, b.url], SOON);
    const underWay = whoAnswers(client);
    await begun.promise;
    const closing = a.app.close();
    const moved = new Promise((resolve) => client.on('connect', resolve));
    await moved;
    expect(await whoAnswers(client)).toBe('b');
    release.resolve('a');
    expect(await underWay).toBe('a');
    await closing;
    expect(await whoAnswers(client)).toBe('b');
  });

  test('goes to the next when the first is lost and does not come back', async () => {
    const [a, b] = [await serviceOf('a'), await serviceOf('b')];
    const client = startClient([a.url, b.url], SOON);
    expect(await whoAnswers(client)).toBe('a');
    await a.app.close();
    expect(await whoAnswers(client)).toBe('b');
    await serviceOf('a again', Number(new URL(a.url).port));
    await b.app.close();
    expect(await whoAnswers(client)).toBe('a again');
  });

  test.each(['destroy', 'resetAndDestroy'] as const)(
    'stays with the first when that is back at once, and its calls go on (%s)',
    async (cut) => {
      const release = deferred<string>();
      const begun = deferred<void>();
      const a = await startService(
        scripted(() => {
          begun.resolve();
          return release.promise;
        }),
      );
      const b = await serviceOf('b');
      const client = startClient([a.url, b.url], SOON);
      const underWay = whoAnswers(client);
      await begun.promise;
      const back = new Promise((resolve) => client.on('reconnect', resolve));
      for (const socket of a.io.sockets.sockets.values()) socket.request.socket[cut]();
      await back;
      release.resolve('a');
      expect([await underWay, await whoAnswers(client)]).toEqual(['a', 'a']);
      expect(b.io.engine.clientsCount).toBe(0);
    },
  );

  test('goes to the next when the first is lost, where it does not reconnect', async () => {
    const [a, b] = [await serviceOf('a'), await serviceOf('b')];
    const client = startClient([a.url, b.url], { reconnect: false });
    expect(await whoAnswers(client)).toBe('a');
    const moved = new Promise((resolve) => client.on('connect', resolve));
    cutConnections(a);
    await moved;
    expect([client.unwrap().connected, await whoAnswers(client)]).toEqual([true, 'b']);
  });

  test('of which one has drained, and none is there: is reconnecting, until the first is back', async () => {
    const a = await serviceOf('a');
    const client = startClient([a.url, await deadUrl()], SOON);
    const statuses: string[] = [];
    client.status.subscribe((status) => statuses.push(status));
    expect(await whoAnswers(client)).toBe('a');
    await a.app.close();
    const waiting = whoAnswers(client);
    await serviceOf('a again', Number(new URL(a.url).port));
    expect(await waiting).toBe('a again');
    expect(statuses).toEqual(['connected', 'draining', 'reconnecting', 'connected']);
  });

  test('none of which is there: connect() rejects, calls wait; whichever comes first is used', async () => {
    const urls = [await deadUrl(), await deadUrl()];
    const client = startClient(urls, SOON);
    asN2NError(await client.connect().catch((error: unknown) => error), 'CONNECT_FAILED');
    const waiting = whoAnswers(client);
    await serviceOf('second', Number(new URL(urls[1]).port));
    expect(await waiting).toBe('second');
  });

  test('gives up when it has given up on each', async () => {
    const urls = [await deadUrl(), await deadUrl()];
    const client = startClient(urls, { ...SOON, maxReconnectionAttempts: 2 });
    const statuses: string[] = [];
    client.status.subscribe((status) => statuses.push(status));
    await n2nErrorOf(client.send('call', 1), 'CONNECT_FAILED');
    expect(statuses.at(-1)).toBe('disconnected');
    await serviceOf('first', Number(new URL(urls[0]).port));
    expect(await whoAnswers(client)).toBe('first');
  });

  test.each([[[]], [['http://a', 'http://a']], [['http://a', 5]], ['nowhere']])('refuses %j', (url) => {
    expect(() => startClient(url as string[])).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }));
  });
});

describe('an application that starts', () => {
  proveNothingIsLeft();

  async function start(waitForFirstConnect: number | undefined, url: string): Promise<unknown> {
    const parts = { imports: [N2NModule.register({ url, logging: false, waitForFirstConnect, ...SOON })] };
    const app = await NestFactory.createApplicationContext(moduleOf(parts), {
      logger: recordingLogger(),
      abortOnError: false,
    });
    atEnd(() => app.close());
    return app;
  }

  test('does not wait for a service that is down', async () => {
    await start(undefined, await deadUrl());
  });

  test('waits for it where it is told to', async () => {
    const url = await deadUrl();
    const started = start(10_000, url);
    const service = await serviceOf('late', Number(new URL(url).port));
    await started;
    expect(service.io.engine.clientsCount).toBe(1);
  });

  test('fails to start where it has waited in vain', async () => {
    const url = await deadUrl();
    const error = asN2NError(await start(50, url).catch((reason: unknown) => reason), 'CONNECT_FAILED');
    expect(error.message).toMatch(/no connection within 50 ms \(waitForFirstConnect\): Cannot connect to/);
  });

  test('and leaves nothing that goes on trying', async () => {
    const client = startClient(await deadUrl(), { ...SOON, waitForFirstConnect: 50 });
    await expect(client.onModuleInit()).rejects.toMatchObject({ code: 'CONNECT_FAILED' });
    const { connecting, reconnecting } = client.unwrap();
    expect([connecting, reconnecting]).toEqual([false, false]);
    await n2nErrorOf(client.send('call', 1), 'CLOSED');
  });

  test('fails to start as soon as the client has given up, or was closed', async () => {
    const LONG = { waitForFirstConnect: 2 ** 31 - 1 };
    const once = startClient(await deadUrl(), { ...LONG, reconnect: false });
    await expect(once.onModuleInit()).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
      message: expect.stringMatching(/ECONNREFUSED/) as unknown,
    });
    const closed = startClient(await deadUrl(), { ...LONG, ...SOON });
    const started = closed.onModuleInit();
    closed.on('reconnecting', () => void closed.close());
    await expect(started).rejects.toMatchObject({ code: 'CLOSED' });
  });
});
