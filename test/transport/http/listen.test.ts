import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { createServer as createHttpServer, get, type Server as HttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Server } from 'socket.io';
import { Manager, type ManagerOptions, type Socket as ClientSocket } from 'socket.io-client';
import { describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { listen, type ListenSettings } from '../../../src/transport/http/listen.js';
import { clientTransport } from '../../../src/transport/engine/transport-registry.js';
import { createAuthority } from '../../support/certificates.js';
import { recordingLogger } from '../../support/recording-logger.js';
import { atEnd, HOST, portOf, proveNothingIsLeft } from '../../support/harness.js';
import { next, refusalOf } from '../socket-io/suites/events.js';

const authority = createAuthority();

function start(target: HttpServer | number | string, settings: ListenSettings = {}) {
  const logger = recordingLogger();
  const io = listen(target, { logger, ...settings });
  const http = io.httpServer as HttpServer;
  io.on('connection', (client) => client.on('message', (data) => client.send(data)));
  atEnd(() => io.close());
  return { io, http, logger };
}

async function bind(http: HttpServer): Promise<number> {
  http.listen(0, HOST);
  await once(http, 'listening');
  atEnd(() => {
    if (http.listening) http.close();
  });
  return portOf(http);
}

function dial(options: object, transport = 'nodeTransport'): ClientSocket {
  const all: Partial<ManagerOptions> = Object.assign(
    {},
    { hostname: HOST, path: '/socket.io/', transports: [clientTransport(transport)], reconnection: false },
    options,
  );
  const socket = new Manager(all).socket('/');
  atEnd(() => socket.disconnect());
  return socket;
}

async function expectEcho(socket: ClientSocket): Promise<void> {
  const [heard] = await Promise.race([
    next(socket, 'connect').then(() => {
      socket.send('hello');
      return next(socket, 'message');
    }),
    refusalOf(socket).then((error) => Promise.reject(error)),
  ]);
  expect(heard).toBe('hello');
}

const statusOf = async (port: number, path: string): Promise<string> => {
  const request = get({ host: HOST, port, path, agent: false });
  const [response] = await once(request, 'response');
  let text = `${response.statusCode} `;
  for await (const part of response) text += part;
  return text;
};

/** The whole answer to bytes on a connection of their own. */
async function rawAnswer(port: number, request: string): Promise<string> {
  const socket = new Socket().connect(port, HOST);
  socket.write(request);
  let answer = '';
  socket.on('data', (bytes) => (answer += bytes.toString()));
  socket.on('error', () => {});
  await once(socket, 'close');
  return answer;
}

describe('listen()', () => {
  proveNothingIsLeft();

  it('on a port of its own', async () => {
    const { http } = start(0, { host: HOST });
    await once(http, 'listening');
    await expectEcho(dial({ port: portOf(http) }));
    expect(await statusOf(portOf(http), '/')).toMatch(/^404 /);
  });

  it('on a port given as a string, as process.env has it', async () => {
    const { http } = start('0', { host: HOST });
    await once(http, 'listening');
    await expectEcho(dial({ port: portOf(http) }));
  });

  it('on localhost only, unless told otherwise', async () => {
    const { http } = start(0);
    await once(http, 'listening');
    const bound = http.address();
    expect(typeof bound === 'object' && bound !== null ? bound.address : bound).toMatch(/^(127\.|::1$)/);
  });

  it('on a port with TLS', async () => {
    const { http } = start(0, { host: HOST, tls: authority.issue('localhost') });
    await once(http, 'listening');
    await expectEcho(dial({ port: portOf(http), secure: true, ca: authority.ca }));
  });

  it('on a Unix socket, which goes with the server', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'n2n-'));
    const path = join(directory, 'io.sock');
    const { io, http } = start(`unix:${path}`);
    await once(http, 'listening');
    await expectEcho(dial({ hostname: 'localhost', socketPath: path }));
    await io.close();
    await expect(stat(path)).rejects.toThrow('ENOENT');
    await rm(directory, { recursive: true });
  });

  it('on an HTTP server, whose routes stay as they are', async () => {
    const http = createHttpServer((request, response) => response.end(`route ${request.url}`));
    start(http);
    const port = await bind(http);
    await expectEcho(dial({ port }));
    expect(await statusOf(port, '/words?x=1')).toBe('200 route /words?x=1');
    expect(await statusOf(port, '/socket.ioo/')).toBe('200 route /socket.ioo/');
    expect(await statusOf(port, '/socket.io/other')).toBe('200 route /socket.io/other');
  });

  it('on an HTTP server with polling on: stock clients poll and upgrade, and routes stay', async () => {
    const http = createHttpServer((request, response) => response.end(`route ${request.url}`));
    start(http, { transports: ['nodeTransport', 'websocket', 'polling'] });
    const port = await bind(http);
    await expectEcho(dial({ port }));
    await expectEcho(dial({ port, transports: ['polling'] }));
    const upgrading = dial({ port, transports: ['polling', 'websocket'] });
    const upgraded = new Promise((resolve) => upgrading.io.engine.once('upgrade', resolve));
    await expectEcho(upgrading);
    await upgraded;
    await expectEcho(upgrading.disconnect().connect());
    expect(await statusOf(port, '/words')).toBe('200 route /words');
  });

  it('on an HTTPS server', async () => {
    const https = createHttpsServer(authority.issue('localhost')) as HttpServer;
    start(https);
    const port = await bind(https);
    await expectEcho(dial({ port, secure: true, ca: authority.ca }));
  });

  it('on an HTTP server that listens already', async () => {
    const http = createHttpServer();
    const port = await bind(http);
    start(http);
    await expectEcho(dial({ port }));
  });

  it.each(['before', 'after'])('leaves a WebSocket server that came %s it alone', async (when) => {
    const http = createHttpServer();
    const attachOther = (): WebSocketServer => {
      const other = new WebSocketServer({ noServer: true });
      http.on('upgrade', (request, stream, head) => {
        if (request.url === '/other') {
          other.handleUpgrade(request, stream, head, (socket) => socket.send('other'));
        }
      });
      return other;
    };
    const early = when === 'before' ? attachOther() : undefined;
    start(http);
    const other = early ?? attachOther();
    const port = await bind(http);
    const socket = new WebSocket(`ws://${HOST}:${port}/other`);
    const [data] = await once(socket, 'message');
    expect(String(data)).toBe('other');
    await expectEcho(dial({ port }));
    await expectEcho(dial({ port }, 'websocket'));
    const closed = once(socket, 'close');
    socket.close();
    await closed;
    other.close();
  });

  it('refuses upgrades that nobody answers', async () => {
    const http = createHttpServer();
    start(http);
    const port = await bind(http);
    const head = 'Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    expect(await rawAnswer(port, `GET /nowhere HTTP/1.1\r\n${head}`)).toMatch(
      /^HTTP\/1\.1 404 Not Found\r\n/,
    );
  });

  it('leaves no listener on an HTTP server that it served', async () => {
    const http = createHttpServer();
    const counts = (): Record<string, number> =>
      Object.fromEntries(http.eventNames().map((name) => [String(name), http.listenerCount(name)]));
    const before = counts();
    const { io } = start(http, { transports: ['nodeTransport', 'websocket', 'polling'] });
    const port = await bind(http);
    const client = dial({ port });
    await expectEcho(client);
    const closed = once(http, 'close');
    await io.close();
    await closed;
    expect(counts()).toEqual(before);
  });

  it('logs that a port is in use, and the process lives', async () => {
    const { http } = start(0, { host: HOST });
    await once(http, 'listening');
    const port = portOf(http);
    const second = start(port, { host: HOST });
    expect(await second.logger.line(/^error /)).toBe(
      `error Cannot listen on ${HOST}:${port}. It is in use: end the other process, or choose another.`,
    );
    await expectEcho(dial({ port }));
  });

  it('says nothing where logging is off', async () => {
    const { http } = start(0, { host: HOST });
    await once(http, 'listening');
    const second = start(portOf(http), { host: HOST, logging: false });
    await once(second.http, 'error');
    expect(second.logger.lines).toEqual([]);
  });

  it('twice in one process, with different transports', async () => {
    const raw = start(0, { host: HOST, transports: ['nodeTransport'] });
    const web = start(0, { host: HOST, transports: ['websocket'] });
    await Promise.all([once(raw.http, 'listening'), once(web.http, 'listening')]);
    await expectEcho(dial({ port: portOf(raw.http) }));
    await expectEcho(dial({ port: portOf(web.http) }, 'websocket'));
    await expectRefusal(raw.io, dial({ port: portOf(raw.http) }, 'websocket'));
    await expectRefusal(web.io, dial({ port: portOf(web.http) }));
  });

  it('on one HTTP server twice, below different paths', async () => {
    const http = createHttpServer();
    start(http);
    start(http, { path: '/words' });
    const port = await bind(http);
    await expectEcho(dial({ port }));
    await expectEcho(dial({ port, path: '/words' }));
  });

  it.each<[string, unknown, object?]>([
    ['a target that is nothing', undefined],
    ['a target that is a path without unix:', '/tmp/x.sock'],
    ['a target that is no server', { listen: 1 }],
    ['a port out of range', 65_536],
    ['an empty Unix path', 'unix:'],
    ['a transport nobody added', 0, { transports: ['pigeons'] }],
    ['no transports', 0, { transports: [] }],
    ['a path that is none', 0, { path: 'a b' }],
    ['a ping interval that is none', 0, { pingInterval: -1 }],
    ['a limit that is none', 0, { maxHttpBufferSize: Number.NaN }],
    ['a host beside a server', createHttpServer(), { host: HOST }],
    ['TLS beside a server', createHttpServer(), { tls: {} }],
    ['a logger that is none', 0, { logger: {} }],
  ])('throws INVALID_OPTIONS for %s', (_case, target, settings = {}) => {
    expect(() => listen(target as number, settings)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTIONS' }),
    );
  });
});

async function expectRefusal(io: Server, socket: ClientSocket): Promise<void> {
  const refused = next<[{ code: number }]>(io.engine as never, 'connection_error');
  expect(await refusalOf(socket)).toBeInstanceOf(Error);
  expect((await refused)[0].code).toBe(0);
}
