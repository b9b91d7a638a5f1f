import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer, type ServerOptions as WebSocketOptions } from 'ws';
import { NodeEngine } from '../../src/node.js';
import { atEnd, HOST, proveNothingIsLeft } from '../support/harness.js';
import { answerTo, bind, httpServer, listenersOf, OVER, serve, serveStock, whoIsAt } from './harness.js';

const PATH_TAKEN = expect.objectContaining({
  name: 'N2NError',
  code: 'INVALID_OPTIONS',
  message: expect.stringMatching(/below "\/socket\.io\/" on one HTTP server.*option "path".*clients/),
});

function serveWs(options: WebSocketOptions): WebSocketServer {
  const server = new WebSocketServer(options);
  server.on('connection', (socket) => socket.send('ws'));
  atEnd(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  return server;
}

async function wsAnswerAt(port: number, path: string, protocol?: string): Promise<string> {
  const socket = new WebSocket(`ws://${HOST}:${port}${path}`, protocol);
  atEnd(() => socket.terminate());
  const [data] = (await once(socket, 'message')) as [Buffer];
  return String(data);
}

/** As Nest's `WsAdapter` listens: what it does not know, it destroys. */
function serveLikeWsAdapter(http: HttpServer): void {
  const server = serveWs({ noServer: true });
  http.on('upgrade', (request, stream, head) => {
    if (new URL(request.url ?? '', 'http://x').pathname !== '/gateway') {
      stream.destroy();
      return;
    }
    server.handleUpgrade(request, stream, head, (socket) => server.emit('connection', socket, request));
  });
}

/** As Vite's HMR listens: it looks at the protocol first. */
function serveLikeVite(http: HttpServer): void {
  const server = serveWs({ noServer: true });
  http.on('upgrade', (request, stream, head) => {
    if (request.headers['sec-websocket-protocol'] !== 'vite-hmr') return;
    server.handleUpgrade(request, stream, head, (socket) => server.emit('connection', socket, request));
  });
}

const NEIGHBOURS: [string, (http: HttpServer) => unknown, (port: number) => Promise<unknown>, unknown][] = [
  [
    'a Socket.IO server with another path',
    (http) => serveStock(http, { path: '/gateway' }),
    (port) => whoIsAt(port, 'websocket', { path: '/gateway/' }),
    'stock',
  ],
  [
    'a Socket.IO server that is polled',
    (http) => serveStock(http, { path: '/gateway' }),
    (port) => whoIsAt(port, 'polling', { path: '/gateway/' }),
    'stock',
  ],
  [
    'a server of "ws" with a path',
    (http) => serveWs({ server: http, path: '/ws' }),
    (port) => wsAnswerAt(port, '/ws'),
    'ws',
  ],
  [
    'a server of "ws" that takes every path',
    (http) => serveWs({ server: http }),
    (port) => wsAnswerAt(port, '/any'),
    'ws',
  ],
  [
    "a listener like that of Nest's WsAdapter",
    serveLikeWsAdapter,
    (port) => wsAnswerAt(port, '/gateway'),
    'ws',
  ],
  ["a listener like that of Vite's HMR", serveLikeVite, (port) => wsAnswerAt(port, '/', 'vite-hmr'), 'ws'],
];

describe.each(NEIGHBOURS)('beside %s', (_name, attach, ask, answer) => {
  proveNothingIsLeft();

  it.each(['before', 'after'])('that came %s it, a server and its neighbour work', async (when) => {
    const http = httpServer();
    if (when === 'before') attach(http);
    serve(http);
    if (when === 'after') attach(http);
    const port = await bind(http);
    for (const transport of OVER) expect(await whoIsAt(port, transport)).toBe('n2n');
    expect(await ask(port)).toBe(answer);
    expect(await answerTo(port, '/words')).toBe('200 route /words');
  });
});

describe('a Socket.IO server with a path above ours', () => {
  proveNothingIsLeft();

  it.each(['before', 'after'])('that came %s it has the rest', async (when) => {
    const http = httpServer();
    if (when === 'before') serveStock(http, { path: '/io' });
    serve(http, { path: '/io/n2n' });
    if (when === 'after') serveStock(http, { path: '/io' });
    const port = await bind(http);
    for (const transport of OVER) expect(await whoIsAt(port, transport, { path: '/io/n2n/' })).toBe('n2n');
    expect(await whoIsAt(port, 'websocket', { path: '/io/' })).toBe('stock');
  });
});

describe('a Socket.IO server with the same path', () => {
  proveNothingIsLeft();

  it('that is there first stays, and ours is refused', async () => {
    const http = httpServer();
    serveStock(http);
    const before = listenersOf(http);
    expect(() => serve(http)).toThrow(PATH_TAKEN);
    expect(listenersOf(http)).toEqual(before);
    const port = await bind(http);
    expect(await whoIsAt(port, 'websocket')).toBe('stock');
    expect(await whoIsAt(port, 'polling')).toBe('stock');
  });

  it('that comes later is refused, and ours stays', async () => {
    const http = httpServer();
    serve(http);
    expect(() => serveStock(http)).toThrow(PATH_TAKEN);
    const port = await bind(http);
    for (const transport of OVER) expect(await whoIsAt(port, transport)).toBe('n2n');
    expect(await answerTo(port, '/words')).toBe('200 route /words');
  });

  it.each([
    { addTrailingSlash: false },
    { path: '/socket.io/' },
    { transports: ['websocket' as const] },
    { destroyUpgrade: false },
  ])('is one however it is spelled: %j', (options) => {
    const http = httpServer();
    serveStock(http, options);
    expect(() => serve(http)).toThrow(PATH_TAKEN);
  });

  it('that was refused once may come when ours is gone', async () => {
    const http = httpServer();
    const { io } = serve(http);
    await bind(http);
    await io.close();
    serveStock(http);
    expect(await whoIsAt(await bind(http), 'websocket')).toBe('stock');
  });
});

describe('a server of "ws" with the same path', () => {
  proveNothingIsLeft();

  it('that is there first stays, and ours is refused', async () => {
    const http = httpServer();
    serveWs({ server: http, path: '/socket.io/' });
    expect(() => serve(http)).toThrow(PATH_TAKEN);
    expect(await wsAnswerAt(await bind(http), '/socket.io/')).toBe('ws');
  });

  it('that comes later gets nothing, which a warning of the process tells', async () => {
    const http = httpServer();
    serve(http);
    const warned = once(process, 'warning');
    serveWs({ server: http, path: '/socket.io/' });
    expect((await warned)[0]).toEqual(PATH_TAKEN);
    expect(await whoIsAt(await bind(http), 'websocket')).toBe('n2n');
  });
});

describe('two servers of ours with the same path', () => {
  proveNothingIsLeft();

  it.each([{}, { path: '/socket.io/' }, { addTrailingSlash: false }])(
    'are refused, however it is spelled: %j',
    async (settings) => {
      const http = httpServer();
      serve(http);
      expect(() => serve(http, settings)).toThrow(/INVALID_OPTIONS|another server of N2N/);
      expect(() => new NodeEngine().attach(http, { path: '/socket.io' })).toThrow(/another server of N2N/);
      expect(await whoIsAt(await bind(http), 'nodeTransport')).toBe('n2n');
    },
  );
});

describe('a listener whose ways nobody knows', () => {
  proveNothingIsLeft();

  it('is not called before there is an upgrade for it', async () => {
    const http = httpServer();
    const seen: unknown[] = [];
    const listener = (request: { url?: string }, stream: { destroy(): void }): void => {
      seen.push(request.url);
      stream.destroy();
    };
    http.on('upgrade', listener);
    serve(http);
    http.on('upgrade', listener);
    const port = await bind(http);
    expect(await whoIsAt(port, 'websocket')).toBe('n2n');
    expect(seen).toEqual([]);
    const socket = new WebSocket(`ws://${HOST}:${port}/theirs`);
    await new Promise((resolve) => socket.once('error', resolve));
    expect(seen).toEqual(['/theirs', '/theirs']);
  });
});
