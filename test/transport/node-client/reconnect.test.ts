import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { NodeClientOptions } from '../../../src/transport/node-client/node-client-options.js';
import { N2NError } from '../../../src/n2n-error.js';
import { freePort, HOST, portOf, proveNothingIsLeft } from '../../support/harness.js';
import { clientsOver, TRANSPORTS, startServer, statusOf } from '../harness.js';

const idle = { connected: false, connecting: false, reconnecting: false };

/** Lets attempt after attempt fail, as many as are made. @returns the delays, each with its attempt */
async function delaysUntilGivenUp(transport: string, options: NodeClientOptions, limit = () => Infinity) {
  const recorded = clientsOver(transport)(await freePort(), options, limit);
  const { client, clock, events } = recorded;
  client.connect();
  do {
    const failed = recorded.next('error');
    if (!client.connecting) clock.advance(clock.armed[0]);
    await failed;
  } while (client.reconnecting);
  const delays = events
    .filter(([name]) => name === 'reconnecting')
    .map(([, delay, attempt]) => [delay, attempt]);
  return { ...recorded, delays };
}

describe.each(TRANSPORTS)('NodeClient, coming back, over %s', (transport) => {
  const startClient = clientsOver(transport);
  proveNothingIsLeft();

  it('waits 500 ms and then twice as long each time, up to 30 s, ten times, and gives up', async () => {
    const { client, clock, delays, events, errors } = await delaysUntilGivenUp(transport, {});
    expect(delays).toEqual([
      [500, 1],
      [1000, 2],
      [2000, 3],
      [4000, 4],
      [8000, 5],
      [16_000, 6],
      [30_000, 7],
      [30_000, 8],
      [30_000, 9],
      [30_000, 10],
    ]);
    expect(errors).toHaveLength(11);
    expect(events.slice(-3)).toEqual([['error', 'connect'], ['reconnect-failed'], ['reconnect_failed']]);
    expect(statusOf(client)).toEqual(idle);
    expect(clock.armed).toEqual([]);
  });

  it('follows the options and the random source', async () => {
    const randoms = [0, 0.25, 0.999, 0.5];
    const { delays, clock } = await delaysUntilGivenUp(transport, {
      maxReconnectionAttempts: 4,
      reconnectionDelay: 100,
      maxReconnectionDelay: 300,
      randomizationFactor: 0.2,
      random: () => randoms.shift() ?? NaN,
    });
    expect(delays).toEqual([
      [80, 1],
      [180, 2],
      [360, 3],
      [300, 4],
    ]);
    expect(clock.now()).toBe(80 + 180 + 360 + 300);
  });

  it('comes early where delays are limited, and then as often as it would have', async () => {
    const limits = [50, 150, 150, 50];
    const { delays } = await delaysUntilGivenUp(
      transport,
      { maxReconnectionAttempts: 4, reconnectionDelay: 100 },
      () => limits.shift() ?? Infinity,
    );
    expect(delays).toEqual([
      [100, 1],
      [150, 1],
      [150, 1],
      [100, 1],
      [200, 2],
      [400, 3],
      [800, 4],
    ]);
  });

  it.each(['connect', 'manualConnect'] as const)('starts anew with %s() after giving up', async (method) => {
    const { client, clock, events, next } = await delaysUntilGivenUp(transport, {
      maxReconnectionAttempts: 2,
    });
    events.length = 0;
    client[method]();
    await next('reconnecting');
    expect(clock.armed).toEqual([500]);
    expect(events).toEqual([
      ['error', 'connect'],
      ['reconnecting', 500, 1],
    ]);
  });

  it('counts from 1 again after it was connected', async () => {
    const { io, port } = await startServer();
    let admitted = 0;
    io.use((_socket, admit) => {
      admitted += 1;
      admit(admitted === 3 || admitted === 5 ? undefined : new N2NError('PERMISSION_DENIED', 'not now'));
    });
    const { client, clock, events, next } = startClient(port);
    client.connect();
    await next('reconnecting');
    clock.advance(500);
    await next('reconnecting');
    clock.advance(1000);
    await next('reconnect');
    io.disconnectSockets(true);
    await next('reconnecting');
    clock.advance(500);
    await next('reconnecting');
    clock.advance(1000);
    await next('reconnect');
    expect(events).toEqual([
      ['error', 'connect'],
      ['reconnecting', 500, 1],
      ['error', 'connect'],
      ['reconnecting', 1000, 2],
      ['connect'],
      ['reconnect', 2],
      ['disconnect', 'io server disconnect'],
      ['reconnecting', 500, 1],
      ['error', 'connect'],
      ['reconnecting', 1000, 2],
      ['connect'],
      ['reconnect', 2],
    ]);
  });

  it('finds a server that came back on the same port', async () => {
    const { close, port } = await startServer();
    const { client, clock, next } = startClient(port);
    client.connect();
    await next('connect');
    const lost = next('reconnecting');
    await close();
    await lost;
    await startServer({}, { address: { port, host: HOST } });
    clock.advance(500);
    expect(await next('reconnect')).toEqual([1]);
  });

  it('fails once and stays idle without reconnect', async () => {
    const { client, clock, errors, events, next } = startClient(await freePort(), { reconnect: false });
    client.connect();
    await next('error');
    expect(events).toEqual([['error', 'connect']]);
    expect(statusOf(client)).toEqual(idle);
    expect(clock.armed).toEqual([]);
    expect(errors[0].message).toContain('ECONNREFUSED');
    expect(errors[0].cause).toBeInstanceOf(N2NError);
    expect(errors[0].cause).toMatchObject({ code: 'CONNECT_FAILED', cause: { code: 'ECONNREFUSED' } });
  });

  it('counts a refused handshake as an attempt, and tells what the middleware said', async () => {
    const { io, port } = await startServer();
    io.use((_socket, admit) =>
      admit(Object.assign(new RangeError('no such tenant'), { data: { tenant: 7 } })),
    );
    const { client, clock, errors, events, next } = startClient(port, { maxReconnectionAttempts: 1 });
    client.connect();
    await next('reconnecting');
    clock.advance(500);
    await next('reconnect-failed');
    expect(events).toEqual([
      ['error', 'connect'],
      ['reconnecting', 500, 1],
      ['error', 'connect'],
      ['reconnect-failed'],
      ['reconnect_failed'],
    ]);
    expect(errors[0].message).toContain('no such tenant');
    expect(errors[0].cause).toMatchObject({ code: 'CONNECT_FAILED', details: { data: { tenant: 7 } } });
  });

  it('gives up an attempt after connectTimeout', async () => {
    const { io, port } = await startServer();
    const asked = new Promise<void>((resolve) => io.use(() => resolve()));
    const { client, clock, errors, next } = startClient(port, { connectTimeout: 700 });
    client.connect();
    await asked;
    clock.advance(699);
    expect(errors).toEqual([]);
    const failed = next('reconnecting');
    clock.advance(1);
    await failed;
    expect(errors[0].message).toContain('no connection within 700 ms');
  });

  it('fails at a server that is no Socket.IO server', async () => {
    const http = createServer((_request, response) => response.end('just pages')).listen(0, HOST);
    await once(http, 'listening');
    const { client, errors, next } = startClient(portOf(http));
    client.connect();
    await next('reconnecting');
    client.disconnect();
    expect(errors[0]).toMatchObject({ type: 'connect' });
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });
});
