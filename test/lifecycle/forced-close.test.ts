import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import { NestFactory } from '@nestjs/core';
import { firstValueFrom } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { N2NServer } from '../../src/index.js';
import { createAuthority } from '../support/certificates.js';
import { atEnd, deferred, HOST, portOf, proveNothingIsLeft } from '../support/harness.js';
import { recordingLogger } from '../support/recording-logger.js';
import { scripted } from '../support/scripted.js';
import { moduleOf, startClient } from '../support/service.js';

const authority = createAuthority();
const keys = authority.issue('localhost');

/** Below `drainTimeout` and the window of a session: whoever waits for one of them fails. */
const LIMIT = { timeout: 8000 };
const PATIENT = { drainTimeout: 60_000, resumeWindow: 60_000 };

const SERVERS: { name: string; scheme: string; create: () => HttpServer }[] = [
  { name: 'HTTP', scheme: 'http', create: () => createHttpServer() },
  { name: 'HTTPS', scheme: 'https', create: () => createHttpsServer(keys) },
];

const CASES = SERVERS.flatMap((server) =>
  ['nodeTransport', 'websocket'].map((transport) => ({ ...server, transport })),
);

describe.each(CASES)('a shared server of $name whose owner cuts all connections, over $transport', (way) => {
  proveNothingIsLeft();

  async function sharedService() {
    const begun = deferred<void>();
    const release = deferred<string>();
    const http = way.create();
    const sockets = new Set<Socket>();
    http.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => http.listen(0, HOST, resolve));
    const strategy = new N2NServer({ server: http, ...PATIENT });
    const parts = scripted(() => {
      begun.resolve();
      return release.promise;
    });
    const log = recordingLogger();
    const app = await NestFactory.createMicroservice(moduleOf(parts), { strategy, logger: log });
    atEnd(() => app.close());
    atEnd(() => http.close());
    await app.listen();
    const url = `${way.scheme}://${HOST}:${portOf(http)}`;
    /** As Nest does with `forceCloseConnections`. */
    const cut = (): void => {
      for (const socket of sockets) socket.destroy();
    };
    const close = (): Promise<void> => new Promise((resolve) => http.close(() => resolve()));
    return { begun, release, app, url, cut, close, log };
  }

  const tls = { ca: authority.ca };

  test('a call under way gets its answer, over the next connection', LIMIT, async () => {
    const { begun, release, app, url, cut, close } = await sharedService();
    const client = startClient(url, {
      transports: [way.transport],
      ...(way.scheme === 'https' ? { tls } : {}),
      reconnectionDelay: 10,
      ...PATIENT,
    });
    const answer = firstValueFrom(client.send('call', 1));
    await begun.promise;
    const back = new Promise((resolve) => client.on('reconnect', resolve));
    cut();
    const closed = close();
    await back;
    release.resolve('answer');
    expect(await answer).toBe('answer');
    await Promise.all([closed, app.close()]);
  });

  test('a client that does not come back is not waited for', LIMIT, async () => {
    const { begun, release, app, url, cut, close, log } = await sharedService();
    const client = startClient(url, {
      transports: [way.transport],
      ...(way.scheme === 'https' ? { tls } : {}),
      reconnectionDelay: 60_000,
      drainTimeout: 0,
    });
    const outcome = firstValueFrom(client.send('call', 1)).catch(() => 'failed');
    await begun.promise;
    cut();
    const closed = close();
    release.resolve('answer');
    await Promise.all([closed, app.close()]);
    await log.line(/^warn An answer or event may not have arrived/);
    await client.close();
    expect(await outcome).toBe('failed');
  });

  test('an idle client is not waited for, and the port is closed at once', LIMIT, async () => {
    const { app, url, cut, close } = await sharedService();
    const client = startClient(url, {
      transports: [way.transport],
      ...(way.scheme === 'https' ? { tls } : {}),
      reconnect: false,
    });
    expect(await firstValueFrom(client.send('echo', 1))).toBe(1);
    cut();
    await Promise.all([close(), app.close()]);
  });
});
