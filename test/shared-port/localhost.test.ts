import dns from 'node:dns';
import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { connect, createServer, Server as NetServer, type ListenOptions } from 'node:net';
import { lastValueFrom } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { N2NServer, type N2NServerOptions } from '../../src/index.js';
import { openLocalhost } from '../../src/transport/http/open-server.js';
import { createAuthority } from '../support/certificates.js';
import { atEnd, freePort, portOf, proveNothingIsLeft } from '../support/harness.js';
import { startClient } from '../support/service.js';
import { OVER, serve, whoIsAt } from './harness.js';

const LOOPBACKS = ['127.0.0.1', '::1'];
const other = (address: string): string => LOOPBACKS.find((one) => one !== address) ?? '';
const urlOf = (host: string, port: number): string => `http://${host === '::1' ? '[::1]' : host}:${port}`;

async function host(options: N2NServerOptions = {}): Promise<{ server: N2NServer; port: number }> {
  const server = new N2NServer({ port: 0, ...options });
  server.addHandler('who', async () => 'n2n');
  const error = await new Promise((resolve) => server.listen(resolve));
  if (error !== undefined) throw error;
  atEnd(() => server.close());
  return { server, port: portOf(server.unwrap().httpServer) };
}

/** Something else that listens there. */
async function occupy(address: string, port: number): Promise<void> {
  const blocker = createServer().listen(port, address);
  await once(blocker, 'listening');
  atEnd(() => new Promise((resolve) => blocker.close(resolve)));
}

async function isOpen(address: string, port: number): Promise<boolean> {
  const socket = connect(port, address);
  const isConnected = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  });
  socket.destroy();
  return isConnected;
}

/** As on a machine on which an address is not there. */
function withoutAddress(address: string): void {
  const listen = Reflect.get(NetServer.prototype, 'listen') as (...given: unknown[]) => NetServer;
  vi.spyOn(NetServer.prototype, 'listen').mockImplementation(function (this: NetServer, ...given: unknown[]) {
    if ((given[0] as ListenOptions).host !== address) return Reflect.apply(listen, this, given);
    const error = Object.assign(new Error(`listen EADDRNOTAVAIL ${address}`), { code: 'EADDRNOTAVAIL' });
    process.nextTick(() => this.emit('error', error));
    return this;
  });
}

afterEach(() => vi.restoreAllMocks());

describe.each(OVER)('a service on localhost, over %s', (transport) => {
  proveNothingIsLeft();

  it.each<[string, N2NServerOptions]>([
    ['by default', {}],
    ['named', { host: 'localhost' }],
    ['named in capitals', { host: 'LOCALHOST' }],
  ])('%s, is on each loopback address', async (_case, options) => {
    const { port } = await host(options);
    for (const address of LOOPBACKS) {
      const client = startClient(urlOf(address, port), { transports: [transport] });
      expect(await lastValueFrom(client.send('who', 0))).toBe('n2n');
    }
  });

  it('with TLS, too', async () => {
    const authority = createAuthority();
    const { port } = await host({ tls: authority.issue('localhost') });
    for (const address of LOOPBACKS) {
      const client = startClient(urlOf(address, port).replace('http', 'https'), {
        transports: [transport],
        tls: { ca: authority.ca, servername: 'localhost' },
      });
      expect(await lastValueFrom(client.send('who', 0))).toBe('n2n');
    }
  });

  it.each(LOOPBACKS)('ends its connections of %s when it closes, and listens nowhere', async (address) => {
    const { server, port } = await host();
    const client = startClient(urlOf(address, port), { transports: [transport] });
    expect(await lastValueFrom(client.send('who', 0))).toBe('n2n');
    const gone = new Promise((resolve) => client.on('disconnect', resolve));
    await server.close();
    await gone;
    for (const one of LOOPBACKS) expect(await isOpen(one, port)).toBe(false);
    await new Promise((resolve) => server.listen(resolve));
  });

  it.each(LOOPBACKS)('that has no %s is on the other alone', async (address) => {
    withoutAddress(address);
    const { port } = await host();
    const client = startClient(urlOf(other(address), port), { transports: [transport] });
    expect(await lastValueFrom(client.send('who', 0))).toBe('n2n');
    expect(await isOpen(address, port)).toBe(false);
  });

  it('of listen() says that it listens when both do', async () => {
    const { io } = serve(0);
    await once(io.httpServer, 'listening');
    const port = portOf(io.httpServer);
    for (const hostname of LOOPBACKS) expect(await whoIsAt(port, transport, { hostname })).toBe('n2n');
  });
});

describe('a port that is in use on one loopback address', () => {
  proveNothingIsLeft();

  it.each(LOOPBACKS)('%s, is in use, and nothing is left on the other', async (address) => {
    const port = await freePort();
    await occupy(address, port);
    await expect(host({ port })).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
      message: `Cannot listen on localhost:${port}, for its address ${address}. It is in use: end the other process, or choose another.`,
    });
    expect(await isOpen(other(address), port)).toBe(false);
  });

  it('is told by an error of the HTTP server of listen()', async () => {
    const port = await freePort();
    await occupy('::1', port);
    const { io, logger } = serve(port);
    const [error] = (await once(io.httpServer, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('EADDRINUSE');
    expect(await logger.line(/^error/)).toContain('for its address ::1');
  });

  it('is not taken where any would do', async () => {
    const server = createHttpServer();
    atEnd(() => new Promise((resolve) => server.close(resolve)));
    const listen = server.listen.bind(server) as (...given: unknown[]) => HttpServer;
    const taken: number[] = [];
    // Somebody takes the port on the other address just before.
    server.listen = function (this: HttpServer, ...given: unknown[]) {
      const { port = 0 } = given[0] as ListenOptions;
      taken.push(port);
      const go = (): unknown => listen(...given);
      if (taken.length > 1) go();
      else void occupy('127.0.0.1', port).then(go);
      return this;
    };
    const others = await openLocalhost(server, 0);
    expect(taken).toHaveLength(2);
    expect(portOf(server)).toBe(taken[1]);
    expect(others.map(portOf)).toEqual([taken[1]]);
    expect(await isOpen('::1', taken[0])).toBe(false);
  });
});

describe('a server of listen() that is closed', () => {
  proveNothingIsLeft();

  it('before it listens, never does', async () => {
    const port = await freePort();
    const { io } = serve(port);
    await io.close();
    // As many turns as it would take.
    for (let turns = 0; turns < 20; turns += 1) expect(await isOpen('::1', port)).toBe(false);
    expect(await isOpen('127.0.0.1', port)).toBe(false);
  });
});

describe.each(OVER)('a client of a name with several addresses, over %s', (transport) => {
  proveNothingIsLeft();

  it.each(LOOPBACKS)('finds its server on %s alone, whichever it tries first', async (address) => {
    const { port } = await host({ host: address });
    for (const order of [LOOPBACKS, LOOPBACKS.toReversed()]) {
      const all = order.map((one) => ({ address: one, family: one === '::1' ? 6 : 4 }));
      vi.spyOn(dns, 'lookup').mockImplementation(((_name: string, _options: unknown, done: Function) =>
        process.nextTick(done, null, all)) as never);
      const client = startClient(`http://localhost:${port}`, { transports: [transport] });
      expect(await lastValueFrom(client.send('who', 0))).toBe('n2n');
      await client.close();
    }
  });
});
