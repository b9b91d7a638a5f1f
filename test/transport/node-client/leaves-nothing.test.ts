import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { atEnd, freePort, proveNothingIsLeft, turn } from '../../support/harness.js';
import { clientsOver, startMuteServer, startServer, TRANSPORTS } from '../harness.js';

const script = fileURLToPath(new URL('./fixtures/disconnecting-client.mjs', import.meta.url));
const tcpSockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

describe.each(TRANSPORTS)('after disconnect(), over %s,', (transport) => {
  const startClient = clientsOver(transport);
  proveNothingIsLeft();

  it.each(['idle', 'authenticating', 'dialing', 'connected', 'waiting', 'reconnecting'])(
    'a program whose client was %s ends by itself',
    async (state) => {
      const { port } = await startServer();
      const mute = await startMuteServer();
      const ports = [port, mute.port, await freePort()].map(String);
      const run = promisify(execFile)(process.execPath, [script, state, transport, ...ports], {
        timeout: 10_000,
      });
      expect((await run).stdout).toBe('over');
    },
  );

  it('a server that does not read has a second to take what was sent, and then the socket is gone', async () => {
    const { http, port } = await startServer();
    const accepted = once(http, 'connection');
    const { client, clock, next } = startClient(port);
    client.connect();
    const [socket] = await accepted;
    atEnd(() => socket.destroy());
    await next('connect');
    socket.pause();
    const withClient = tcpSockets();
    for (let index = 0; index < 8; index += 1) client.send(Buffer.alloc(900_000));
    client.disconnect();
    client.disconnect();
    await turn();
    expect(clock.armed).toEqual([1000]);
    clock.advance(999);
    await turn();
    expect(tcpSockets()).toBe(withClient);
    clock.advance(1);
    await turn();
    expect(tcpSockets()).toBe(withClient - 1);
    expect(clock.armed).toEqual([]);
  });

  it('a socket whose server reads is gone as soon as the server has ended it, too', async () => {
    const { io, port } = await startServer();
    const { client, clock, next } = startClient(port);
    client.connect();
    await next('connect');
    const gone = new Promise((resolve) =>
      io.sockets.sockets.values().next().value?.on('disconnect', resolve),
    );
    const withClient = tcpSockets();
    client.disconnect();
    expect(await gone).toBe('transport close');
    // The server's end of the socket goes with the client's.
    for (let turns = 0; turns < 1000 && tcpSockets() > withClient - 2; turns++) await turn();
    expect(clock.armed).toEqual([]);
  });
});
