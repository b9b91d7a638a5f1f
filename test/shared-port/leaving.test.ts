import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import { lastValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { N2NServer, type N2NServerOptions } from '../../src/index.js';
import { NodeEngine } from '../../src/node.js';
import { atEnd, HOST, proveNothingIsLeft } from '../support/harness.js';
import { startClient } from '../support/service.js';
import { answerTo, bind, httpServer, listenersOf, OVER, serve, serveStock, whoIsAt } from './harness.js';

async function host(http: HttpServer, name: string, options: N2NServerOptions = {}): Promise<N2NServer> {
  const server = new N2NServer({ server: http, path: `/${name}`, ...options });
  server.addHandler('who', async () => name);
  await new Promise<void>((resolve, reject) =>
    server.listen((error) => (error === undefined ? resolve() : reject(error))),
  );
  atEnd(() => server.close());
  return server;
}

const ask = (port: number, name: string, transport: string): Promise<unknown> =>
  lastValueFrom(
    startClient(`http://${HOST}:${port}`, { resource: name, transports: [transport] }).send('who', 0),
  );

const ORDERS = [
  ['first', 'second', 'third'],
  ['second', 'first', 'third'],
  ['third', 'first', 'second'],
  ['second', 'third', 'first'],
] as const;

describe.each(OVER)('servers on one HTTP server, over %s', (transport) => {
  proveNothingIsLeft();

  it.each(ORDERS)('leave in any order (%s, %s, %s), and the others go on', async (...order) => {
    const http = httpServer();
    const before = listenersOf(http);
    const servers = {
      first: await host(http, 'first'),
      second: await host(http, 'second', { transports: ['nodeTransport', 'websocket', 'polling'] }),
      third: await host(http, 'third'),
    };
    const port = await bind(http);
    const left = new Set<keyof typeof servers>(order);
    for (const name of order) {
      for (const other of left) expect(await ask(port, other, transport)).toBe(other);
      await servers[name].close();
      left.delete(name);
      expect(await answerTo(port, `/${name}/`)).toBe(`200 route /${name}/`);
    }
    expect(listenersOf(http)).toEqual(before);
    expect(Object.hasOwn(http, 'close')).toBe(false);
    expect(Object.hasOwn(http, 'emit')).toBe(false);
  });

  it.each(ORDERS)('come back in any order (%s, %s, %s)', async (...order) => {
    const http = httpServer();
    const names = ['first', 'second', 'third'] as const;
    const servers = [];
    for (const name of names) servers.push(await host(http, name));
    for (const server of servers) await server.close();
    for (const name of order) await host(http, name);
    const port = await bind(http);
    for (const name of names) expect(await ask(port, name, transport)).toBe(name);
  });

  it('are all told when it closes, whoever has left before', async () => {
    const http = httpServer();
    const first = await host(http, 'first');
    await host(http, 'second');
    await host(http, 'third');
    const port = await bind(http);
    await first.close();
    for (const name of ['second', 'third']) expect(await ask(port, name, transport)).toBe(name);
    const closed = once(http, 'close');
    // Waits for the connections of both.
    http.close();
    await closed;
  });
});

describe('what a server leaves behind', () => {
  proveNothingIsLeft();

  it('are the listeners and methods of others, whenever these came', async () => {
    const http = httpServer();
    serveStock(http, { path: '/early' });
    const ours = await host(http, 'ours');
    serveStock(http, { path: '/late' });
    const seen: string[] = [];
    const emit = http.emit.bind(http) as (...event: unknown[]) => boolean;
    http.emit = (name: string, ...rest: unknown[]) => {
      seen.push(name);
      return emit(name, ...rest);
    };
    const close = http.close.bind(http);
    http.close = (callback) => {
      seen.push('close()');
      return close(callback);
    };
    const port = await bind(http);
    expect(await ask(port, 'ours', 'websocket')).toBe('ours');
    await ours.close();
    for (const path of ['/early/', '/late/']) {
      expect(await whoIsAt(port, 'websocket', { path })).toBe('stock');
    }
    expect(await answerTo(port, '/ours/')).toBe('200 route /ours/');
    expect(await answerTo(port, '/words')).toBe('200 route /words');
    expect(seen).toContain('request');
    await host(http, 'ours');
    expect(await ask(port, 'ours', 'nodeTransport')).toBe('ours');
    const closed = once(http, 'close');
    http.close();
    await closed;
    expect(seen).toContain('close()');
  });

  it('is nothing, where it could not begin', async () => {
    const http = httpServer();
    serveStock(http);
    const before = listenersOf(http);
    await expect(host(http, 'socket.io')).rejects.toThrow(/Two servers would answer below "\/socket\.io\/"/);
    expect(listenersOf(http)).toEqual(before);
    expect(Object.hasOwn(http, 'close')).toBe(false);
  });

  it('is the application’s request, once, after several engines have come and gone', async () => {
    const http = httpServer();
    const detaching = ['/a', '/b', '/c'].map((path) => new NodeEngine().attach(http, { path }));
    for (const detach of detaching) detach();
    serve(http);
    const port = await bind(http);
    expect(await answerTo(port, '/a/')).toBe('200 route /a/');
  });
});
