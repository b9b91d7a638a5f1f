import { firstValueFrom } from 'rxjs';
import { describe, expect, test } from 'vitest';
import type { N2NClient } from '../../src/index.js';
import { freePort, HOST, proveNothingIsLeft } from '../support/harness.js';
import { NO_HANDLERS, scripted } from '../support/scripted.js';
import { startClient, startService } from '../support/service.js';
import { hostOver } from '../support/ways.js';

const SOON = { reconnectionDelay: 1, maxReconnectionDelay: 20, maxReconnectionAttempts: Infinity };

/** A client whose `connect()` has rejected, and the port at which nobody listens yet. */
async function refusedClient(transport: string): Promise<{ client: N2NClient; port: number }> {
  const port = await freePort();
  const client = startClient(`http://${HOST}:${port}`, { transports: [transport], ...SOON });
  await expect(client.connect()).rejects.toMatchObject({ code: 'CONNECT_FAILED' });
  return { client, port };
}

function stateOf(client: N2NClient): unknown {
  const { connected, connecting, reconnecting } = client.unwrap();
  return { connected, connecting, reconnecting };
}

const STILL = { connected: false, connecting: false, reconnecting: false };

describe.each(['nodeTransport', 'websocket'])('a connect() that has failed, over %s', (transport) => {
  proveNothingIsLeft();

  test('and that nobody follows up tries no more, and says so', async () => {
    const { client } = await refusedClient(transport);
    expect(stateOf(client)).toEqual(STILL);
    expect(await firstValueFrom(client.status)).toBe('disconnected');
  });

  test.each(['close', 'onApplicationShutdown'] as const)('and %s() after it try no more', async (end) => {
    const { client } = await refusedClient(transport);
    await client[end]();
    expect(stateOf(client)).toEqual(STILL);
  });

  test('begins anew with the next call, which waits for its server', async () => {
    const { client, port } = await refusedClient(transport);
    const reconnecting = new Promise((resolve) => client.on('reconnecting', resolve));
    const answer = firstValueFrom(client.send('echo', 1));
    await reconnecting;
    await startService(
      scripted(() => 1),
      { port, host: HOST },
    );
    expect(await answer).toBe(1);
  });

  test('goes on for a call that waits', async () => {
    const port = await freePort();
    const client = startClient(`http://${HOST}:${port}`, { transports: [transport], ...SOON });
    const answer = firstValueFrom(client.send('echo', 1));
    await expect(client.connect()).rejects.toMatchObject({ code: 'CONNECT_FAILED' });
    await startService(
      scripted(() => 1),
      { port, host: HOST },
    );
    expect(await answer).toBe(1);
  });

  test('goes on where the client has been connected before', async () => {
    const service = await startService(scripted(() => 1));
    const client = startClient(service.url, { transports: [transport], ...SOON });
    await client.connect();
    const gone = new Promise((resolve) => client.on('disconnect', resolve));
    await service.app.close();
    await gone;
    await expect(client.connect()).rejects.toMatchObject({ code: 'CONNECT_FAILED' });
    const back = new Promise((resolve) => client.on('connect', resolve));
    await startService(NO_HANDLERS, { port: Number(new URL(service.url).port), host: HOST });
    await back;
  });

  test('goes on for handlers that the client hosts', async () => {
    const port = await freePort();
    const client = startClient(`http://${HOST}:${port}`, { transports: [transport], ...SOON });
    await hostOver(
      client,
      scripted(() => 1),
    );
    await expect(client.connect()).rejects.toMatchObject({ code: 'CONNECT_FAILED' });
    const back = new Promise((resolve) => client.on('connect', resolve));
    await startService(NO_HANDLERS, { port, host: HOST });
    await back;
  });
});
