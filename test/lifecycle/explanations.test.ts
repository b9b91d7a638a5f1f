import { createServer, connect, type Socket } from 'node:net';
import { NEVER } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { N2NRecordBuilder } from '../../src/index.js';
import { atEnd, HOST, portOf, proveNothingIsLeft } from '../support/harness.js';
import { n2nErrorOf } from '../support/outcome.js';
import { scripted } from '../support/scripted.js';
import { startServiceProcess } from '../support/processes/service-process.js';
import { startClient, startService } from '../support/service.js';

const within = (timeout: number) => new N2NRecordBuilder(1).setTimeout(timeout).build();

describe.each(['nodeTransport', 'websocket'])('what an error says, over %s', (transport) => {
  proveNothingIsLeft();

  test('of a call whose handler is at work: that it may take longer', async () => {
    const { url } = await startService(scripted(() => NEVER));
    const client = startClient(url, { transports: [transport] });
    await client.connect();
    const { message } = await n2nErrorOf(client.send('call', within(50)), 'TIMEOUT');
    expect(message).toContain(`No answer to "call" within 50 ms from ${url}. The connection is there`);
    expect(message).toMatch(/the handler takes longer.*Raise the timeout/);
  });

  test('of a call whose server was killed: that it is gone since when, and not to raise a timeout', async () => {
    const service = await startServiceProcess();
    const url = `http://${HOST}:${service.port}`;
    const client = startClient(url, { transports: [transport], reconnectionDelay: 60_000, drainTimeout: 0 });
    await client.connect();
    const call = n2nErrorOf(client.send('never', within(1500)), 'TIMEOUT');
    await service.served(1);
    await service.kill();
    const { message, details } = await call;
    expect(message).toMatch(
      new RegExp(
        `^No answer to "never" within 1500 ms: the connection to ${url} was lost \\d+\\.\\d s ago \\(`,
      ),
    );
    expect(message).toMatch(/It was ended or started anew.*This client is trying to come back\./);
    expect(message).not.toMatch(/raise/i);
    expect(details).toMatchObject({ pattern: 'never', timeout: 1500, away: expect.any(Number) as unknown });
  });

  test('of a session that another server does not have: that a balancer may be the cause, and how long it took', async () => {
    const [first, second] = [
      await startService(scripted(() => NEVER)),
      await startService(scripted(() => 1)),
    ];
    let target = first.url;
    const sockets = new Set<Socket>();
    const balancer = createServer((near) => {
      const far = connect(Number(new URL(target).port), HOST);
      near.pipe(far).pipe(near);
      for (const socket of [near, far]) {
        sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => {
          near.destroy();
          far.destroy();
        });
      }
    });
    await new Promise<void>((resolve) => balancer.listen(0, HOST, resolve));
    atEnd(() => new Promise((resolve) => balancer.close(resolve)));
    const url = `http://${HOST}:${portOf(balancer)}`;
    const client = startClient(url, { transports: [transport], reconnectionDelay: 1 });
    await client.connect();
    const call = n2nErrorOf(client.send('call', 1), 'CONNECTION_LOST');
    target = second.url;
    for (const socket of sockets) socket.destroy();
    const { message, details } = await call;
    expect(message).toMatch(
      new RegExp(`^The connection to ${url} was lost for \\d+\\.\\d s, and the server`),
    );
    expect(message).toMatch(
      /was restarted; the address leads to several servers, and another one has answered/,
    );
    expect(message).not.toMatch(/too long|longer than/);
    expect(details).toMatchObject({ window: 10_000 });
    await first.app.close();
  });

  test('of calls whose client has given up: where, since when, and what comes next', async () => {
    const service = await startServiceProcess();
    const url = `http://${HOST}:${service.port}`;
    const options = { reconnectionDelay: 1, maxReconnectionAttempts: 2, maxReconnectionDelay: 5 };
    const client = startClient(url, { transports: [transport], ...options });
    await client.connect();
    const call = n2nErrorOf(client.send('never', 1), 'CONNECTION_LOST');
    await service.served(1);
    await service.kill();
    expect((await call).message).toMatch(
      new RegExp(
        `^The connection to ${url} was lost \\d+\\.\\d s ago, and reconnecting failed: .*ECONNREFUSED.*its next call connects`,
      ),
    );
  });
});
