import { once } from 'node:events';
import { createServer, type Server as HttpServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { listen } from '../../../src/transport/http/listen.js';
import { NodeClient } from '../../../src/transport/node-client/node-client.js';
import { recordingLogger } from '../../support/recording-logger.js';
import { startReverseProxy, type ReverseProxy } from '../../support/reverse-proxy.js';
import { atEnd, HOST, portOf, proveNothingIsLeft } from '../../support/harness.js';
import { next } from '../socket-io/suites/events.js';

/** A service behind a proxy, and a client that is given no transports: it is to find its way by itself. */
async function serveBehind(letsThrough?: (token: string) => boolean, app?: HttpServer) {
  const io = listen(app ?? 0, { ...(app === undefined && { host: HOST }), logger: recordingLogger() });
  const http = io.httpServer as HttpServer;
  app?.listen(0, HOST);
  await once(http, 'listening');
  atEnd(() => io.close());
  io.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
  const proxy = await startReverseProxy(portOf(http), letsThrough);
  atEnd(() => proxy.close());
  const logger = recordingLogger();
  const client = new NodeClient(HOST, proxy.port, { logger, reconnectionDelay: 1, randomizationFactor: 0 });
  atEnd(() => client.disconnect());
  return { io, proxy, client, logger };
}

async function expectEcho(client: NodeClient, data: unknown): Promise<void> {
  const answer = next(client, 'message');
  client.send(data);
  expect(await answer).toEqual([data]);
}

const fallbacks = (lines: readonly string[]): string[] => lines.filter((line) => /fell back/.test(line));
const upgradesOf = ({ asked }: ReverseProxy): string[] => asked.filter((token) => token !== '-');

describe('behind a proxy that passes every upgrade', () => {
  proveNothingIsLeft();

  it('nodeTransport works, large and binary messages too', async () => {
    const { io, proxy, client, logger } = await serveBehind();
    client.connect();
    await expectEcho(client, { hello: 1 });
    const bytes = Buffer.alloc(3_000_000, 7);
    const answer = next<[Buffer]>(client, 'message');
    client.send(bytes);
    expect(bytes.equals((await answer)[0])).toBe(true);
    expect(client.transportName).toBe('nodeTransport');
    expect(upgradesOf(proxy)).toEqual(['node-transport']);
    expect(fallbacks(logger.lines)).toEqual([]);
    const [socket] = io.sockets.sockets.values();
    expect(socket.handshake.headers['x-forwarded-for']).toMatch(/127\.0\.0\.1$/);
  });

  it('the end of the one side is seen at the other', async () => {
    const { io, client } = await serveBehind();
    const accepted = next<[{ on(name: string, listener: (reason: string) => void): void }]>(io, 'connection');
    client.connect();
    const [server] = await accepted;
    const reason = new Promise((resolve) => server.on('disconnect', resolve));
    await expectEcho(client, 1);
    client.disconnect();
    expect(await reason).toBe('transport close');
  });
});

const websocketOnly = (token: string): boolean => token.toLowerCase() === 'websocket';

describe('behind a proxy that passes upgrades to websocket only', () => {
  proveNothingIsLeft();
  it.each<[string, (() => HttpServer) | undefined]>([
    ['a server of its own', undefined],
    ['an app that answers 404', () => createServer((_request, response) => response.writeHead(404).end())],
    ['an app that answers 200 to everything', () => createServer((_request, response) => response.end('ok'))],
  ])('the client falls back to WebSocket, says so once, and works: %s', async (_case, app) => {
    const { io, proxy, client, logger } = await serveBehind(websocketOnly, app?.());
    client.connect();
    await expectEcho(client, { hello: Buffer.from('bytes') });
    expect(client.transportName).toBe('websocket');
    expect(upgradesOf(proxy)).toEqual(['node-transport', 'websocket']);

    const again = next(client, 'reconnect');
    io.disconnectSockets(true);
    await again;
    await expectEcho(client, 2);
    expect(fallbacks(logger.lines)).toHaveLength(1);
    expect(fallbacks(logger.lines)[0]).toMatch(/^warn fell back to websocket: nodeTransport: .*(404|200)/);
  });
});
