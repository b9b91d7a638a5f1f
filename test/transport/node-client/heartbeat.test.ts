import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.js';
import { atEnd, proveNothingIsLeft } from '../../support/harness.js';
import { clientsOver, startServer, TRANSPORTS } from '../harness.js';

async function startServerProcess() {
  const script = new URL('./fixtures/echo-server.mjs', import.meta.url);
  const server = spawn(process.execPath, [script.pathname], { stdio: ['ignore', 'pipe', 'inherit'] });
  atEnd(async () => {
    const gone = once(server, 'exit');
    server.kill('SIGKILL');
    await gone;
  });
  const line = await new Promise((resolve) => server.stdout.once('data', resolve));
  return { server, port: Number(line) };
}

describe.each(TRANSPORTS)('the heartbeat of NodeClient, over %s', (transport) => {
  const startClient = clientsOver(transport);
  proveNothingIsLeft();

  it('notices a server that is stopped, within timeout, and comes back when it goes on', async () => {
    const { server, port } = await startServerProcess();
    const timeout = 300;
    // The server pings every 100 ms and allows 20 s: only the client's own heartbeat can notice so soon.
    const { client, errors, events, next } = startClient(port, {
      timeout,
      clock: systemClock,
      reconnectionDelay: 1,
    });
    client.connect();
    await next('connect');
    const echo = next('message');
    client.send('are you there?');
    expect(await echo).toEqual(['are you there?']);

    const socketGone = new Promise((resolve) => client.socket?.on('disconnect', resolve));
    const lost = next('reconnecting');
    const stoppedAt = performance.now();
    server.kill('SIGSTOP');
    await lost;
    const took = performance.now() - stoppedAt;
    expect(took).toBeLessThan(timeout + 700);
    expect(took).toBeGreaterThan(timeout - 110);
    expect(events.slice(2, 4)).toEqual([
      ['disconnect', 'ping timeout'],
      ['error', 'disconnect'],
    ]);
    expect(errors[0].message).toContain('no sign of life from the server for 300 ms');
    expect(await socketGone).toBe('transport close');

    server.kill('SIGCONT');
    await next('reconnect');
    expect(client.connected).toBe(true);
  });

  it('lives on any packet of the server', async () => {
    const { io, port } = await startServer({ pingInterval: 900 });
    const { client, clock, next } = startClient(port, { timeout: 1000 });
    client.connect();
    await next('connect');
    for (let round = 0; round < 5; round += 1) {
      clock.advance(999);
      const arrived = next('message');
      io.send(round);
      await arrived;
    }
    expect(client.connected).toBe(true);
    clock.advance(1000);
    expect(client.connected).toBe(true);
    clock.advance(1);
    expect(client.connected).toBe(false);
    expect(client.reconnecting).toBe(true);
  });

  it('goes by what the server announced when it pings too seldom for timeout, and says so once', async () => {
    const { io, port } = await startServer({ pingInterval: 25_000, pingTimeout: 20_000 });
    const { client, clock, events, lines, next } = startClient(port);
    client.connect();
    await next('connect');
    clock.advance(44_999);
    expect(client.connected).toBe(true);
    clock.advance(2);
    expect(events.at(-1)).toEqual(['reconnecting', 500, 1]);
    clock.advance(500);
    await next('reconnect');
    io.disconnectSockets(true);
    await next('reconnecting');
    expect(lines.filter((line) => line.startsWith('warn'))).toEqual([
      'warn "timeout" is 25000 ms but the server pings only every 25000 ms: a server that hangs is detected after ' +
        '45000 ms. Set the server\'s "pingInterval" below "timeout".',
    ]);
  });
});
