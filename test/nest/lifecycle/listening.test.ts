import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Server as HttpServer } from 'node:http';
import { Controller, Get, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { io } from 'socket.io-client';
import { lastValueFrom } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { N2NClient, N2NServer, type N2NServerOptions } from '../../../src/index.js';
import { atEnd, deferred, HOST, portOf, proveNothingIsLeft } from '../../support/harness.js';
import { asN2NError } from '../../support/outcome.js';
import { recordingLogger } from '../../support/recording-logger.js';
import { scripted } from '../../support/scripted.js';
import { moduleOf, startClient, startService } from '../../support/service.js';

@Controller()
class EchoController {
  @Get('hello')
  hello(): string {
    return 'hello over HTTP';
  }

  @MessagePattern('echo')
  echo(@Payload() value: unknown): unknown {
    return value;
  }
}

const PARTS = { controllers: [EchoController] };

/** Starts a service, and gives the error with which `listen` rejects. */
async function listenError(options: N2NServerOptions): Promise<unknown> {
  const strategy = new N2NServer(options);
  const app = await NestFactory.createMicroservice(moduleOf(PARTS), { strategy, logger: recordingLogger() });
  atEnd(() => app.close());
  try {
    await app.listen();
  } catch (error) {
    return error;
  }
  throw new Error('it listens');
}

describe('a service', () => {
  proveNothingIsLeft();

  test('with no options is where a client with none looks for it: localhost, port 6262', async () => {
    const app = await NestFactory.createMicroservice(moduleOf(PARTS), {
      strategy: new N2NServer(),
      logger: recordingLogger(),
    });
    atEnd(() => app.close());
    await app.listen();
    const client = new N2NClient();
    atEnd(() => client.close());
    expect(await lastValueFrom(client.send('echo', 'found'))).toBe('found');
    expect(portOf(app.unwrap<{ httpServer: HttpServer }>().httpServer)).toBe(6262);
  });

  test('on a Unix domain socket', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'n2n-test-'));
    atEnd(() => rm(folder, { recursive: true }));
    const socketPath = join(folder, 'words.sock');
    await startService(PARTS, { socketPath });
    const client = startClient(`unix:${socketPath}`);
    expect(await lastValueFrom(client.send('echo', 'found'))).toBe('found');
  });

  test('on a Unix domain socket whose file a killed process has left behind', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'n2n-test-'));
    atEnd(() => rm(folder, { recursive: true }));
    const socketPath = join(folder, 'stale.sock');
    const killed = spawn(process.execPath, [
      '-e',
      `require('node:net').createServer().listen(${JSON.stringify(socketPath)}, () => process.kill(process.pid, 'SIGKILL'))`,
    ]);
    await once(killed, 'close');
    expect((await stat(socketPath)).isSocket()).toBe(true);
    await startService(PARTS, { socketPath });
    expect(await lastValueFrom(startClient(`unix:${socketPath}`).send('echo', 'found'))).toBe('found');
  });

  test('under a path of its own', async () => {
    const { url } = await startService(PARTS, { path: '/rpc' });
    expect(await lastValueFrom(startClient(url, { path: '/rpc' }).send('echo', 1))).toBe(1);
    expect(await lastValueFrom(startClient(url, { resource: 'rpc' }).send('echo', 1))).toBe(1);
    expect((await fetch(`${url}/anything`)).status).toBe(404);
  });

  test('tells its status, its Socket.IO server and its events', async () => {
    const { strategy, app, url } = await startService(PARTS);
    const statuses: string[] = [];
    strategy.status.subscribe((status) => statuses.push(status));
    const connected = new Promise<{ connected: boolean }>((resolve) => strategy.on('connection', resolve));
    await startClient(url).connect();
    expect((await connected).connected).toBe(true);
    expect(app.unwrap()).toBe(strategy.unwrap());
    await app.close();
    expect(statuses).toEqual(['connected', 'draining', 'disconnected']);
  });

  test('that closes ends its connections, and its port is free', async () => {
    const service = await startService(PARTS);
    const client = startClient(service.url);
    await client.connect();
    const gone = new Promise((resolve) => client.on('disconnect', resolve));
    await service.app.close();
    await gone;
    const port = Number(new URL(service.url).port);
    await startService(PARTS, { port });
  });
});

describe('a service that was closed', () => {
  proveNothingIsLeft();

  test('and is closed again, ends once, when it has drained', async () => {
    const begun = deferred<void>();
    const release = deferred<string>();
    const { strategy, url } = await startService(
      scripted(() => {
        begun.resolve();
        return release.promise;
      }),
    );
    const statuses: string[] = [];
    strategy.status.subscribe((status) => statuses.push(status));
    const answer = lastValueFrom(startClient(url).send('call', 1));
    await begun.promise;
    const closings = [strategy.close(), strategy.close()].map((closing) =>
      closing.then(() => statuses.push('closed')),
    );
    release.resolve('answer');
    expect(await answer).toBe('answer');
    await Promise.all(closings);
    await strategy.close();
    expect(statuses).toEqual(['connected', 'draining', 'disconnected', 'closed', 'closed']);
  });

  test.each(['nodeTransport', 'websocket'])('listens again, for clients over %s', async (transport) => {
    const { strategy } = await startService(PARTS);
    const listen = (): Promise<unknown> => new Promise((resolve) => strategy.listen(resolve));
    const closing = strategy.close();
    expect(await listen()).toBe(undefined);
    await closing;
    const url = `http://${HOST}:${portOf(strategy.unwrap().httpServer)}`;
    expect(await lastValueFrom(startClient(url, { transports: [transport] }).send('echo', 1))).toBe(1);
  });
});

describe('a place that cannot be listened on', () => {
  proveNothingIsLeft();

  test('a port in use: listen rejects with CONNECT_FAILED, which says what to do', async () => {
    const { url } = await startService(PARTS);
    const port = Number(new URL(url).port);
    const error = asN2NError(await listenError({ port, host: HOST }), 'CONNECT_FAILED');
    expect(error.message).toBe(
      `Cannot listen on ${HOST}:${port}. It is in use: end the other process, or choose another.`,
    );
    expect(error.cause).toMatchObject({ code: 'EADDRINUSE' });
  });

  test('a Unix domain socket that another service listens on, which stays with that service', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'n2n-test-'));
    atEnd(() => rm(folder, { recursive: true }));
    const socketPath = join(folder, 'taken.sock');
    await startService(PARTS, { socketPath });
    const error = asN2NError(await listenError({ socketPath }), 'CONNECT_FAILED');
    expect(error.message).toMatch(/taken\.sock\. It is in use/);
    expect(await lastValueFrom(startClient(`unix:${socketPath}`).send('echo', 'found'))).toBe('found');
  });

  test('a file that is no socket, which is left as it is', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'n2n-test-'));
    atEnd(() => rm(folder, { recursive: true }));
    const socketPath = join(folder, 'notes.txt');
    await writeFile(socketPath, 'notes');
    asN2NError(await listenError({ socketPath }), 'CONNECT_FAILED');
    expect(await readFile(socketPath, 'utf8')).toBe('notes');
  });

  test.each([
    ['an address of another machine', { port: 0, host: '192.0.2.1' }, /no such address.*"host"/],
    [
      'a folder that is not there',
      { socketPath: '/no/such/folder/n2n.sock' },
      /\/no\/such\/folder\/n2n\.sock/,
    ],
  ])('%s', async (_name, options, message) => {
    expect(asN2NError(await listenError(options), 'CONNECT_FAILED').message).toMatch(message);
  });
});

async function startHybrid(): Promise<{ app: INestApplication; url: string; client: N2NClient }> {
  const app = await NestFactory.create(moduleOf(PARTS), { logger: recordingLogger() });
  atEnd(() => app.close());
  const server = app.getHttpServer() as HttpServer;
  app.connectMicroservice({ strategy: new N2NServer({ server }) });
  await app.startAllMicroservices();
  await app.listen(0, HOST);
  const url = `http://${HOST}:${portOf(server)}`;
  return { app, url, client: startClient(url) };
}

describe('a hybrid app, with one port for HTTP and calls', () => {
  proveNothingIsLeft();

  test('answers both', async () => {
    const { url, client } = await startHybrid();
    expect(await lastValueFrom(client.send('echo', 1))).toBe(1);
    const response = await fetch(`${url}/hello`, { headers: { connection: 'close' } });
    expect(await response.text()).toBe('hello over HTTP');
    expect((await fetch(`${url}/none`, { headers: { connection: 'close' } })).status).toBe(404);
  });

  test('closes while clients of every kind are connected', async () => {
    const { app, url, client } = await startHybrid();
    const stock = io(url, { transports: ['websocket'], reconnection: false });
    atEnd(() => stock.disconnect());
    const overWebSocket = startClient(url, { transports: ['websocket'] });
    await Promise.all([
      client.connect(),
      overWebSocket.connect(),
      new Promise<void>((resolve) => stock.once('connect', resolve)),
    ]);
    const gone = Promise.all([
      ...[client, overWebSocket].map((one) => new Promise((resolve) => one.on('disconnect', resolve))),
      new Promise((resolve) => stock.once('disconnect', resolve)),
    ]);
    await app.close();
    await gone;
    await expect(fetch(`${url}/hello`)).rejects.toThrow('fetch failed');
  });
});

/** A WebSocket client that says nothing from its handshake on, and does not even hear that the other side ends. */
async function startFrozen(url: string): Promise<void> {
  const socket = connect({ host: HOST, port: Number(new URL(url).port), allowHalfOpen: true });
  socket.on('error', () => {});
  atEnd(() => socket.destroy());
  socket.write(
    'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\n' +
      'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  await once(socket, 'data');
  socket.pause();
}

describe('a client that is frozen', () => {
  proveNothingIsLeft();

  test.each<[string, () => Promise<{ app: { close(): Promise<void> }; url: string }>]>([
    ['a service', () => startService(PARTS)],
    ['a hybrid app', startHybrid],
  ])('keeps %s from closing for no longer than a moment', async (_name, start) => {
    const { app, url } = await start();
    await startFrozen(url);
    const from = performance.now();
    await app.close();
    expect(performance.now() - from).toBeLessThan(5000);
  });
});
