import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import { Server } from 'socket.io';
import { describe, expect, it } from 'vitest';
import { listen, NodeEngine } from '../../src/node.js';
import { createAuthority } from '../support/certificates.js';
import { atEnd, HOST, portOf, proveNothingIsLeft } from '../support/harness.js';
import { answerTo, bind, dial, httpServer, OVER, serve, whoIsAt } from './harness.js';

async function closed(http: HttpServer): Promise<void> {
  const over = once(http, 'close');
  http.close();
  await over;
}

const httpOf = (io: Server): HttpServer => io.httpServer as HttpServer;

describe.each(OVER)('an HTTP server that is closed and listens again, over %s', (transport) => {
  proveNothingIsLeft();

  it('has its NodeEngine', async () => {
    const http = httpServer();
    const engine = new NodeEngine({ transports: [...OVER] });
    engine.attach(http, { path: '/socket.io/' });
    const io = new Server().bind(engine);
    io.on('connection', (socket) => socket.on('who', (answer: (who: string) => void) => answer('n2n')));
    atEnd(() => io.close());
    for (let round = 0; round < 3; round += 1) {
      const port = await bind(http);
      expect(await whoIsAt(port, transport)).toBe('n2n');
      await closed(http);
    }
  });

  it('has what listen() has put on it, and closes in spite of its clients each time', async () => {
    const http = httpServer();
    serve(http);
    for (let round = 0; round < 3; round += 1) {
      const port = await bind(http);
      const client = dial(port, transport);
      expect(await client.emitWithAck('who')).toBe('n2n');
      const gone = new Promise((resolve) => client.once('disconnect', resolve));
      await closed(http);
      await gone;
    }
  });

  it('has a server of its own port, too', async () => {
    const { io } = serve(0, { host: HOST });
    const http = httpOf(io);
    await once(http, 'listening');
    expect(await whoIsAt(portOf(http), transport)).toBe('n2n');
    await closed(http);
    expect(await whoIsAt(await bind(http), transport)).toBe('n2n');
  });
});

describe.each(OVER)('a Socket.IO server that is closed and listens again, over %s', (transport) => {
  proveNothingIsLeft();

  it.each(['listen', 'attach'] as const)('with io.%s(port), is what it was', async (again) => {
    const { io } = serve(0, { host: HOST, transports: [transport], path: '/words' });
    await once(httpOf(io), 'listening');
    const port = portOf(httpOf(io));
    await io.close();
    io[again](port);
    await once(httpOf(io), 'listening');
    expect(httpOf(io).address()).toMatchObject({ address: HOST, port });
    expect(await whoIsAt(port, transport, { path: '/words/' })).toBe('n2n');
    expect(io.engine.clientsCount).toBeLessThanOrEqual(1);
  });

  it('without waiting for the end, on the same port', async () => {
    const { io } = serve(0, { host: HOST });
    await once(httpOf(io), 'listening');
    const port = portOf(httpOf(io));
    const client = dial(port, transport);
    expect(await client.emitWithAck('who')).toBe('n2n');
    const gone = new Promise((resolve) => client.once('disconnect', resolve));
    const over = io.close();
    io.listen(port);
    await once(httpOf(io), 'listening');
    await Promise.all([over, gone]);
    expect(await whoIsAt(port, transport)).toBe('n2n');
  });

  it('with TLS, has TLS', async () => {
    const authority = createAuthority();
    const { io } = serve(0, { host: HOST, tls: authority.issue('localhost') });
    await once(httpOf(io), 'listening');
    await io.close();
    io.listen(0);
    await once(httpOf(io), 'listening');
    const options = { secure: true, ca: authority.ca };
    expect(await whoIsAt(portOf(httpOf(io)), transport, options)).toBe('n2n');
  });

  it('on an HTTP server, which then has its own routes, and on that again', async () => {
    const http = httpServer();
    const { io } = serve(http);
    await bind(http);
    await io.close();
    expect(await answerTo(await bind(http), '/socket.io/')).toBe('200 route /socket.io/');
    io.listen(http);
    expect(await whoIsAt(portOf(http), transport)).toBe('n2n');
    await closed(http);
    expect(await whoIsAt(await bind(http), transport)).toBe('n2n');
  });

  it('beside the first, while that goes on', async () => {
    const http = httpServer();
    const { io } = serve(http);
    await bind(http);
    io.listen(0);
    await once(httpOf(io), 'listening');
    const second = httpOf(io);
    expect(await whoIsAt(portOf(second), transport)).toBe('n2n');
    const client = dial(portOf(second), transport);
    expect(await client.emitWithAck('who')).toBe('n2n');
    await closed(http);
    expect(await client.emitWithAck('who')).toBe('n2n');
    client.disconnect();
    expect(await whoIsAt(await bind(http), transport)).toBe('n2n');
    await closed(second);
    expect(await whoIsAt(portOf(http), transport)).toBe('n2n');
  });
});

describe('what is given to io.listen()', () => {
  proveNothingIsLeft();

  it('counts where listen() was given nothing, as in Socket.IO', async () => {
    const { io } = serve(0, { host: HOST, pingInterval: 7000 });
    await once(httpOf(io), 'listening');
    await io.close();
    io.listen(0, { path: '/words', pingInterval: 1, pingTimeout: 3000 });
    await once(httpOf(io), 'listening');
    expect(await whoIsAt(portOf(httpOf(io)), 'nodeTransport', { path: '/words/' })).toBe('n2n');
    expect((io.engine as unknown as NodeEngine).opts).toMatchObject({
      pingInterval: 7000,
      pingTimeout: 3000,
    });
  });

  it('is refused where it is none', () => {
    const io = listen(httpServer(), { logging: false });
    atEnd(() => io.close());
    expect(() => io.listen('nowhere' as never)).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }));
    expect(() => io.listen(0, { pingInterval: -1 })).toThrow(/pingInterval/);
  });
});
