import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { atEnd, proveNothingIsLeft } from '../../support/harness.js';
import { startClient, startService } from '../../support/service.js';

const HEARTBEAT = { heartbeatTimeout: 300 };

/** `heartbeatTimeout` is how long the other side may be silent, whichever side has the option. */
describe('a side that is silent', () => {
  proveNothingIsLeft();

  test('is taken for dead by the server after its heartbeatTimeout', async () => {
    const { url } = await startService({}, { ...HEARTBEAT, heartbeatInterval: 100 });
    const silent = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
    atEnd(() => silent.terminate());
    const [opening] = (await once(silent, 'message')) as [Buffer];
    const since = performance.now();
    expect(JSON.parse(opening.toString().slice(1))).toMatchObject({ pingInterval: 100, pingTimeout: 200 });
    await once(silent, 'close');
    expect(performance.now() - since).toBeGreaterThan(280);
  });

  test('is taken for dead by the client after its heartbeatTimeout', async () => {
    const { url, io } = await startService({}, { heartbeatInterval: 100 });
    const client = startClient(url, { ...HEARTBEAT, reconnect: false });
    await client.connect();
    const since = performance.now();
    const lost = new Promise((resolve) => client.on('disconnect', resolve));
    // Its pings do not leave any more.
    for (const socket of io.sockets.sockets.values()) {
      socket.conn.transport.send = () => {};
    }
    expect(await lost).toBe('ping timeout');
    expect(performance.now() - since).toBeGreaterThan(180);
  });

  test('has what is left of 15 s by default', async () => {
    const { url } = await startService({});
    const client = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
    atEnd(() => client.terminate());
    const [opening] = (await once(client, 'message')) as [Buffer];
    expect(JSON.parse(opening.toString().slice(1))).toMatchObject({
      pingInterval: 10_000,
      pingTimeout: 5_000,
    });
  });
});
