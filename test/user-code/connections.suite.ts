import { NestFactory } from '@nestjs/core';
import { lastValueFrom } from 'rxjs';
import { describe, expect, test, vi } from 'vitest';
import { N2NServer, type N2NClientOptions } from '../../src/index.js';
import { listen } from '../../src/node.js';
import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import { io as dial } from 'socket.io-client';
import { atEnd, HOST, portOf, proveNothingIsLeft } from '../support/harness.js';
import { createAuthority } from '../support/certificates.js';
import { asN2NError } from '../support/outcome.js';
import { proveTheProcessLives } from '../support/process-errors.js';
import { recordingLogger } from '../support/recording-logger.js';
import { scripted } from '../support/scripted.js';
import { moduleOf, startClient, startService, type Builder } from '../support/service.js';

function broken(what: string): never {
  throw new RangeError(`${what} is broken`);
}

/** The two ways in which code of a user fails. */
const WAYS_TO_FAIL: readonly [string, (what: string) => () => unknown][] = [
  ['throws', (what) => () => broken(what)],
  ['rejects', (what) => async () => broken(what)],
];

const PARTS = scripted(() => 1);
const keys = createAuthority();

/** Code of users around a connection. */
export function describeUserCodeOfConnections(builder: Builder): void {
  const transports = [builder.name];
  const refusalOf = async (url: string, options: N2NClientOptions = {}): Promise<string> => {
    const client = startClient(url, { transports, reconnect: false, ...options });
    const error: unknown = await client.connect().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    return asN2NError(error, 'CONNECT_FAILED').message;
  };

  describe.each(WAYS_TO_FAIL)(`over ${builder.name}, code of users that %s:`, (_how, failing) => {
    proveNothingIsLeft();
    proveTheProcessLives();

    test('a middleware of Socket.IO refuses its client', async () => {
      const service = await startService(PARTS);
      service.io.use(failing('middleware'));
      expect(await refusalOf(service.url)).toContain('middleware is broken');
    });

    test('a middleware of Engine.IO refuses its client', async () => {
      const service = await startService(PARTS);
      service.io.engine.use(failing('middleware'));
      await refusalOf(service.url);
      expect(await service.log.line(/a connection was refused: Bad request \(MIDDLEWARE_FAILURE\)/)).toMatch(
        /^warn/,
      );
    });

    test('a middleware of a namespace, however it came to be, refuses its client', async () => {
      const { io, url } = await startService(PARTS);
      io.of('/own').use(failing('middleware'));
      io.of(/^\/pattern/).use(failing('middleware'));
      io.of((_name, _auth, next) => next(null, true)).use(failing('middleware'));
      for (const name of ['/own', '/pattern-1', '/function']) {
        const socket = dial(`${url}${name}`, {
          transports: ['websocket'],
          reconnection: false,
          forceNew: true,
        });
        const error = await new Promise<Error>((resolve) => socket.once('connect_error', resolve));
        expect(error.message).toBe('middleware is broken');
        socket.disconnect();
      }
    });

    test('a function that says whether a namespace may be', async () => {
      const { io, url } = await startService(PARTS);
      io.of(failing('function'));
      const socket = dial(`${url}/any`, { transports: ['websocket'], reconnection: false, forceNew: true });
      const error = await new Promise<Error>((resolve) => socket.once('connect_error', resolve));
      expect(error.message).toBe('Invalid namespace');
      socket.disconnect();
    });

    test('a middleware of the events of a socket refuses its event', async () => {
      const { io, url } = await startService(PARTS);
      const failed = new Promise<Error>((resolve) => {
        io.on('connection', (socket) => {
          socket.use(failing('middleware'));
          socket.on('error', resolve);
        });
      });
      const socket = dial(url, { transports: ['websocket'], reconnection: false, forceNew: true });
      socket.emit('event', 1);
      expect((await failed).message).toBe('middleware is broken');
      expect(socket.connected).toBe(true);
      socket.disconnect();
    });

    test('allowRequest refuses its request', async () => {
      const logger = recordingLogger();
      const io = listen(0, { host: HOST, transports, logger, allowRequest: failing('check') });
      atEnd(() => io.close());
      const http = io.httpServer as HttpServer;
      await once(http, 'listening');
      await refusalOf(`http://${HOST}:${portOf(http)}`);
      expect(await logger.line(/a connection was refused.*check is broken/)).toMatch(/^warn/);
    });

    test('auth fails its attempt', async () => {
      const { url } = await startService(PARTS);
      expect(await refusalOf(url, { auth: failing('auth') as () => undefined })).toContain('auth is broken');
    });

    test('checkServerIdentity refuses the server', async () => {
      const { io } = await startService(PARTS, { tls: keys.issue('localhost') });
      const url = `https://localhost:${portOf(io.httpServer)}`;
      const tls = { ca: keys.ca, checkServerIdentity: failing('check') as () => undefined };
      expect(await refusalOf(url, { tls })).toMatch(/check is broken|must be synchronous/);
    });

    test('listeners of a client go to its log, and cost nothing else', async () => {
      const service = await startService(PARTS);
      const logger = recordingLogger();
      const client = startClient(service.url, { transports, logLevel: 'ALL', logger });
      for (const event of [
        'connect',
        'disconnect',
        'reconnecting',
        'reconnect',
        'error',
        'message',
      ] as const) {
        client.on(event, failing(`listener of ${event}`));
      }
      await client.connect();
      service.io.emit('message', 1);
      await logger.line(/^error A listener of "message" failed: .*listener of message is broken/);
      for (const socket of service.io.sockets.sockets.values()) socket.conn.close();
      await logger.line(/^error A listener of "reconnecting" failed/);
      expect(await lastValueFrom(client.send('echo', 1))).toBe(1);
      for (const event of ['connect', 'disconnect', 'reconnect']) {
        await logger.line(
          new RegExp(`^error A listener of "${event}" failed: RangeError: listener of ${event} is broken`),
        );
      }
    });

    test('listeners of a server go to its log', async () => {
      const service = await startService(PARTS);
      const listener = failing('listener');
      service.strategy.on('connection', listener);
      const client = startClient(service.url, { transports });
      expect(await lastValueFrom(client.send('echo', 1))).toBe(1);
      expect(
        await service.log.line(/A listener of "connection" failed: RangeError: listener is broken/),
      ).toMatch(/^error/);
      service.io.off('connection', listener);
      await startClient(service.url, { transports }).connect();
      expect(service.log.lines.filter((line) => line.includes('listener is broken'))).toHaveLength(1);
    });

    test('a logger of a client, whose lines are not lost', async () => {
      const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
      atEnd(() => written.mockRestore());
      const { url } = await startService(PARTS);
      const log = failing('logger');
      const logger = { log, warn: log, error: log, debug: log, verbose: log };
      const client = startClient(url, { transports, logLevel: 'ALL', logger });
      expect(await lastValueFrom(client.send('echo', 1))).toBe(1);
      const lines = written.mock.calls.map(([line]) => String(line)).join('');
      expect(lines).toMatch(/connected to .*\n\(The logger failed: logger is broken\)/);
    });
  });

  describe(`what auth gives, over ${builder.name}`, () => {
    proveNothingIsLeft();
    proveTheProcessLives();

    test.each<[string, () => Record<string, unknown>]>([
      ['a BigInt', () => ({ token: 1n })],
      ['a toJSON that throws', () => ({ token: { toJSON: () => broken('toJSON') } })],
    ])('fails the attempt where it cannot be written: %s', async (_name, auth) => {
      const { url } = await startService(PARTS);
      expect(await refusalOf(url, { auth })).toMatch(/the result of "auth" cannot be written as JSON/);
    });
  });

  describe(`the logger of a service, over ${builder.name}`, () => {
    proveNothingIsLeft();
    proveTheProcessLives();

    // What Nest's Logger is given back by an async one, it keeps to itself.
    test('a logger of Nest that throws costs nothing, and its lines are not lost', async () => {
      const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
      atEnd(() => written.mockRestore());
      const log = recordingLogger();
      const strategy = new N2NServer({ port: 0, host: HOST });
      const app = await NestFactory.createMicroservice(
        moduleOf(
          scripted(() => {
            throw new RangeError('handler is broken');
          }),
        ),
        { strategy, logger: log, abortOnError: false },
      );
      atEnd(() => app.close());
      await app.listen();
      log.error = () => broken('logger');
      const client = startClient(`http://${HOST}:${portOf(strategy.unwrap().httpServer)}`, { transports });
      client.emit('nobody handles this', 1);
      expect(await lastValueFrom(client.send('echo', 1))).toBe(1);
      const lines = written.mock.calls.map(([line]) => String(line)).join('');
      expect(lines).toMatch(/nobody handles this.*\n\(The logger failed: logger is broken\)/);
    });
  });
}
