import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type Server as HttpServer } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { atEnd, freePort, HOST, portOf, proveNothingIsLeft } from '../../support/harness.js';
import { startClient, startServer, startStockServer } from '../harness.js';

const both = { transports: ['nodeTransport', 'websocket'] };

/**
 * Stands in front of a server as a proxy does: its upgrades come here first.
 * @param isTaken whether the server is not told of the upgrade
 */
function interceptUpgrades(
  http: HttpServer,
  isTaken: (request: IncomingMessage, socket: Duplex) => boolean,
): void {
  const emit = http.emit.bind(http) as (event: string, ...args: unknown[]) => boolean;
  http.emit = (event: string, ...args: unknown[]): boolean => {
    if (event === 'upgrade' && isTaken(args[0] as IncomingMessage, args[1] as Duplex)) return true;
    return emit(event, ...args);
  };
}

describe('the transports of NodeClient', () => {
  proveNothingIsLeft();

  it('are tried in order: nodeTransport first, and no word of a fallback', async () => {
    const { port } = await startServer();
    const { client, lines, next } = startClient(port, both);
    client.connect();
    await next('connect');
    expect(client.transportName).toBe('nodeTransport');
    expect(lines.filter((line) => line.startsWith('warn'))).toEqual([]);
  });

  it('go on to websocket when the server does not know nodeTransport, and say so once', async () => {
    const { io, port } = await startStockServer();
    const { client, clock, errors, lines, next } = startClient(port, both);
    client.connect();
    await next('connect');
    expect(client.transportName).toBe('websocket');
    io.disconnectSockets(true);
    await next('reconnecting');
    clock.advance(500);
    await next('reconnect');
    expect(client.transportName).toBe('websocket');
    expect(errors).toEqual([]);
    const warnings = lines.filter((line) => line.startsWith('warn'));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/^warn fell back to websocket: nodeTransport: /);
  });

  const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ';
  it.each<[string, (socket: Socket) => void]>([
    ['closes it', (socket) => socket.end()],
    ['resets it', (socket) => socket.resetAndDestroy()],
    ['upgrades to something else', (socket) => socket.write(`${switching}other\r\n\r\n`)],
    ['upgrades and closes', (socket) => socket.end(`${switching}node-transport\r\n\r\n`)],
  ])('go on to websocket behind a proxy that takes the upgrade and %s', async (_case, spoil) => {
    const { http, port } = await startServer();
    interceptUpgrades(http, (request, socket) => {
      if (request.headers.upgrade === 'node-transport' && socket instanceof Socket) spoil(socket);
      return false;
    });
    const { client, lines, next } = startClient(port, both);
    client.connect();
    await next('connect');
    expect(client.transportName).toBe('websocket');
    expect(lines.filter((line) => line.startsWith('warn'))).toHaveLength(1);
  });

  it('leave websocket its half of connectTimeout when nodeTransport hangs', async () => {
    const { io, http, port } = await startServer();
    const hung = new Promise<void>((resolve) => {
      interceptUpgrades(http, (request, socket) => {
        if (request.headers.upgrade === 'websocket') return false;
        // The client hangs up in its own time; until then there is no answer.
        socket.on('end', () => socket.destroy()).resume();
        resolve();
        return true;
      });
    });
    expect(io.engine).toBeDefined();
    const { client, clock, next } = startClient(port, both);
    client.connect();
    await hung;
    clock.advance(4999);
    expect(client.connecting).toBe(true);
    expect(clock.armed).toEqual([5000]);
    clock.advance(1);
    expect(client.connecting).toBe(true);
    await next('connect');
    expect(client.transportName).toBe('websocket');
  });

  it('are not tried in vain when there is no server', async () => {
    const { client, errors, next } = startClient(await freePort(), both);
    client.connect();
    await next('error');
    expect(errors[0].message).toContain('nodeTransport: ');
    expect(errors[0].message).not.toContain('websocket: ');
  });

  it('are not tried in vain when the server refuses the handshake', async () => {
    const { io, port } = await startServer();
    let asked = 0;
    io.use((_socket, admit) => {
      asked += 1;
      admit(new RangeError('no'));
    });
    const refused = startClient(port, both);
    refused.client.connect();
    await refused.next('reconnecting');
    expect(asked).toBe(1);
    expect(refused.errors[0].message).not.toContain('websocket');
  });

  it('all failing, are all told of', async () => {
    const http = createHttpServer((_request, response) => response.writeHead(404).end()).listen(0, HOST);
    await once(http, 'listening');
    atEnd(() => new Promise((resolve) => http.close(resolve)));
    const { client, errors, next } = startClient(portOf(http), both);
    client.connect();
    await next('error');
    expect(errors).toHaveLength(1);
    expect(errors[0].message).toMatch(/nodeTransport: .*404.*; websocket: .*404/);
  });
});
