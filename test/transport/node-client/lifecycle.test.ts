import { once } from 'node:events';
import type { Server as SocketIoServer, Socket as ServerSocket } from 'socket.io';
import { describe, expect, it, vi } from 'vitest';
import { deferred, freePort, proveNothingIsLeft, turn } from '../../support/harness.js';
import { clientsOver, TRANSPORTS, startMuteServer, startServer, statusOf } from '../harness.js';

const idle = { connected: false, connecting: false, reconnecting: false };
const connecting = { connected: false, connecting: true, reconnecting: false };
const connected = { connected: true, connecting: false, reconnecting: false };
const waiting = { connected: false, connecting: false, reconnecting: true };
const reconnecting = { connected: false, connecting: true, reconnecting: true };

function nextServerSocket(io: SocketIoServer): Promise<ServerSocket> {
  return new Promise((resolve) => io.once('connection', resolve));
}

describe.each(TRANSPORTS)('NodeClient, from state to state, over %s', (transport) => {
  const startClient = clientsOver(transport);
  proveNothingIsLeft();

  it('tells its state at every step of losing a connection and getting it back', async () => {
    const { io, port } = await startServer();
    const { client, clock, events, next } = startClient(port);
    expect(statusOf(client)).toEqual(idle);
    expect(client.socket).toBeUndefined();
    expect(client.transportName).toBeUndefined();

    client.connect();
    expect(statusOf(client)).toEqual(connecting);
    const serverSocket = nextServerSocket(io);
    await next('connect');
    expect(statusOf(client)).toEqual(connected);
    expect(client.socket?.connected).toBe(true);
    expect(client.transportName).toBe(transport);
    const firstSocket = client.socket;

    (await serverSocket).conn.close();
    await next('disconnect');
    expect(statusOf(client)).toEqual(waiting);
    expect(client.socket).toBeUndefined();
    expect(client.transportName).toBeUndefined();

    clock.advance(499);
    expect(statusOf(client)).toEqual(waiting);
    clock.advance(1);
    expect(statusOf(client)).toEqual(reconnecting);
    await next('reconnect');
    expect(statusOf(client)).toEqual(connected);
    expect(client.socket).not.toBe(firstSocket);

    client.disconnect();
    expect(statusOf(client)).toEqual(idle);
    expect(events).toEqual([
      ['connect'],
      ['disconnect', 'transport close'],
      ['reconnecting', 500, 1],
      ['connect'],
      ['reconnect', 1],
      ['disconnect', 'io client disconnect'],
    ]);
  });

  it('has taken the step by the time an event tells of it', async () => {
    const { io, port } = await startServer();
    const { client, clock, next } = startClient(port);
    const seen: unknown[] = [];
    for (const name of ['connect', 'disconnect', 'reconnecting', 'reconnect'] as const) {
      client.on(name, () => seen.push([name, statusOf(client)]));
    }
    io.once('connection', (socket) => socket.disconnect(true));
    client.connect();
    await next('reconnecting');
    clock.advance(500);
    await next('reconnect');
    client.disconnect();
    expect(seen).toEqual([
      ['connect', connected],
      ['disconnect', waiting],
      ['reconnecting', waiting],
      ['connect', connected],
      ['reconnect', connected],
      ['disconnect', idle],
    ]);
  });

  it('comes back when the server disconnects it', async () => {
    const { io, port } = await startServer();
    io.once('connection', (socket) => socket.disconnect());
    const { client, clock, events, next } = startClient(port);
    client.connect();
    await next('reconnecting');
    clock.advance(500);
    await next('reconnect');
    expect(events).toEqual([
      ['connect'],
      ['disconnect', 'io server disconnect'],
      ['reconnecting', 500, 1],
      ['connect'],
      ['reconnect', 1],
    ]);
  });

  it('does not come back without reconnect', async () => {
    const { io, port } = await startServer();
    io.once('connection', (socket) => socket.disconnect());
    const { client, clock, events, next } = startClient(port, { reconnect: false });
    client.connect();
    await next('disconnect');
    expect(statusOf(client)).toEqual(idle);
    expect(clock.armed).toEqual([]);
    expect(events).toEqual([['connect'], ['disconnect', 'io server disconnect']]);
  });

  it('tells why a connection was broken, here by bytes that are no packet, and comes back', async () => {
    const { http, port } = await startServer();
    const accepted = once(http, 'connection');
    const { client, clock, errors, events, next } = startClient(port);
    client.connect();
    const [socket] = await accepted;
    await next('connect');
    const lost = next('reconnecting');
    socket.write(Buffer.alloc(64, 0xff));
    await lost;
    clock.advance(500);
    await next('reconnect');
    expect(events).toEqual([
      ['connect'],
      ['disconnect', 'transport error'],
      ['error', 'disconnect'],
      ['reconnecting', 500, 1],
      ['connect'],
      ['reconnect', 1],
    ]);
    expect(errors[0].message).toMatch(/^The connection to http:.* was lost \(transport error\): ./);
    expect(errors[0].cause).toMatchObject({ code: 'CONNECTION_LOST' });
  });

  it('gives up a connection on which the server sends something else than Socket.IO', async () => {
    const { io, port } = await startServer();
    const serverSocket = nextServerSocket(io);
    const { client, events, next } = startClient(port);
    client.connect();
    await next('connect');
    const lost = next('reconnecting');
    (await serverSocket).conn.write('gibberish');
    await lost;
    expect(events.slice(1)).toEqual([
      ['disconnect', 'parse error'],
      ['error', 'disconnect'],
      ['reconnecting', 500, 1],
    ]);
  });

  it('makes one attempt for any number of connect()', async () => {
    const { io, port } = await startServer();
    const connections = vi.fn();
    io.on('connection', connections);
    const { client, next } = startClient(port);
    client.connect();
    client.connect();
    await next('connect');
    client.connect();
    const answer = once(client, 'message');
    io.emit('message', 'the only one');
    await answer;
    expect(connections).toHaveBeenCalledTimes(1);
  });

  it('connects over a pair of clients without one knowing of the other', async () => {
    const { port, io } = await startServer();
    const one = startClient(port);
    const other = startClient(port);
    one.client.connect();
    other.client.connect();
    await Promise.all([one.next('connect'), other.next('connect')]);
    const gone = once(one.client, 'disconnect');
    one.client.disconnect();
    await gone;
    expect(other.client.connected).toBe(true);
    expect(io.sockets.sockets.size).toBeGreaterThan(0);
  });
});

describe.each(TRANSPORTS)('NodeClient.disconnect(), over %s', (transport) => {
  const startClient = clientsOver(transport);
  proveNothingIsLeft();

  it('does nothing when idle', async () => {
    const { client, events } = startClient(await freePort());
    client.disconnect();
    expect(statusOf(client)).toEqual(idle);
    expect(events).toEqual([]);
  });

  it('while auth is being asked: what it answers is not used', async () => {
    const { io, port } = await startServer();
    const connections = vi.fn();
    io.on('connection', connections);
    const asked = deferred<void>();
    const answer = deferred<Record<string, unknown>>();
    const auth = () => {
      asked.resolve();
      return answer.promise;
    };
    const { client, clock, events } = startClient(port, { auth });
    client.connect();
    await asked.promise;
    client.disconnect();
    expect(clock.armed).toEqual([]);
    answer.resolve({});
    await turn();
    expect(clock.armed).toEqual([]);
    expect(statusOf(client)).toEqual(idle);
    expect(connections).not.toHaveBeenCalled();
    expect(events).toEqual([]);
  });

  it('before auth is asked: it is not asked any more', async () => {
    const auth = vi.fn(() => ({}));
    const { client } = startClient(await freePort(), { auth });
    client.connect();
    client.disconnect();
    await turn();
    expect(auth).not.toHaveBeenCalled();
  });

  it('while the server has not answered the upgrade: its socket closes', async () => {
    const { port, server } = await startMuteServer();
    const { client, clock, events } = startClient(port);
    client.connect();
    const [socket] = await once(server, 'connection');
    const closed = once(socket, 'close');
    client.disconnect();
    expect(statusOf(client)).toEqual(idle);
    expect(clock.armed).toEqual([]);
    await closed;
    expect(events).toEqual([]);
  });

  it('while the server has not answered the handshake: nothing is told later', async () => {
    const { io, port } = await startServer();
    const asked = deferred<() => void>();
    io.use((_socket, admit) => asked.resolve(admit));
    const closed = new Promise((resolve) => {
      io.engine.on('connection', (connection: NodeJS.EventEmitter) => connection.once('close', resolve));
    });
    const { client, clock, events } = startClient(port);
    client.connect();
    const admit = await asked.promise;
    client.disconnect();
    admit();
    await closed;
    expect(statusOf(client)).toEqual(idle);
    expect(clock.armed).toEqual([]);
    expect(events).toEqual([]);
  });

  it('when connected: the server is told, the event is emitted, nothing comes after', async () => {
    const { io, port } = await startServer();
    const serverSocket = nextServerSocket(io);
    const { client, clock, events, next } = startClient(port);
    client.connect();
    await next('connect');
    const socket = await serverSocket;
    const goodbye = once(socket, 'disconnect');
    socket.send('on its way already');
    client.disconnect();
    expect(statusOf(client)).toEqual(idle);
    expect((await goodbye)[0]).toBe('transport close');
    clock.advance(60_000);
    expect(clock.armed).toEqual([]);
    expect(events).toEqual([['connect'], ['disconnect', 'io client disconnect']]);
  });

  it('when connected: what was sent before still arrives', async () => {
    const { io, port } = await startServer();
    const received: unknown[] = [];
    const gone = new Promise((resolve) => {
      io.on('connection', (socket) => {
        socket.on('message', (data) => received.push(data));
        socket.on('disconnect', resolve);
      });
    });
    const { client, next } = startClient(port);
    client.connect();
    await next('connect');
    const large = 'x'.repeat(900_000);
    for (let index = 0; index < 20; index += 1) client.send(`${index} ${large}`);
    client.disconnect();
    await gone;
    expect(received.map((data) => String(data).split(' ')[0])).toEqual(
      Array.from({ length: 20 }, (_, i) => `${i}`),
    );
  });

  it('while waiting for an attempt: the attempt is not made', async () => {
    const { client, clock, events, next } = startClient(await freePort());
    client.connect();
    await next('reconnecting');
    expect(clock.armed).toEqual([500]);
    client.disconnect();
    expect(statusOf(client)).toEqual(idle);
    expect(clock.armed).toEqual([]);
    clock.advance(60_000);
    expect(events).toEqual([
      ['error', 'connect'],
      ['reconnecting', 500, 1],
    ]);
  });

  it('during a reconnection attempt: its socket closes', async () => {
    const { port, server } = await startMuteServer();
    const { client, clock, next } = startClient(port, { connectTimeout: 100 });
    client.connect();
    await once(server, 'connection');
    const failed = next('reconnecting');
    clock.advance(100);
    await failed;
    expect(statusOf(client)).toEqual(waiting);
    const reached = once(server, 'connection');
    clock.advance(500);
    expect(statusOf(client)).toEqual(reconnecting);
    const [socket] = await reached;
    const closed = once(socket, 'close');
    client.disconnect();
    expect(statusOf(client)).toEqual(idle);
    expect(clock.armed).toEqual([]);
    await closed;
  });

  it.each(['connect', 'disconnect', 'reconnecting', 'error', 'message'] as const)(
    'inside a listener of %s: nothing follows',
    async (name) => {
      const { io, port } = await startServer();
      io.on('connection', (socket) => socket.send('hello').conn.close());
      const { client, clock, events, next } = startClient(name === 'error' ? await freePort() : port);
      const counts: number[] = [];
      client.once(name, () => {
        client.disconnect();
        counts.push(events.length);
      });
      const stopped = next(name);
      client.connect();
      await stopped;
      expect(statusOf(client)).toEqual(idle);
      expect(clock.armed.filter((delay) => delay !== 1000)).toEqual([]);
      clock.advance(60_000);
      await turn();
      expect(counts).toEqual([events.length]);
      expect(statusOf(client)).toEqual(idle);
    },
  );

  it('inside a listener of connect, after a reconnection: no reconnect follows', async () => {
    const { io, port } = await startServer();
    io.once('connection', (socket) => socket.disconnect(true));
    const { client, clock, events, next } = startClient(port);
    client.connect();
    await next('reconnecting');
    client.once('connect', () => client.disconnect());
    const stopped = next('disconnect');
    clock.advance(500);
    await stopped;
    await turn();
    expect(events.slice(-2)).toEqual([['connect'], ['disconnect', 'io client disconnect']]);
  });

  it('can be followed by connect()', async () => {
    const { port } = await startServer();
    const { client, events, next } = startClient(port);
    client.connect();
    await next('connect');
    client.disconnect();
    client.connect();
    await next('connect');
    expect(events).toEqual([['connect'], ['disconnect', 'io client disconnect'], ['connect']]);
  });
});

describe.each(TRANSPORTS)('NodeClient.manualConnect(), over %s', (transport) => {
  const startClient = clientsOver(transport);
  proveNothingIsLeft();

  it('starts over while waiting: at once, with nothing counted', async () => {
    const { client, clock, events, next } = startClient(await freePort());
    client.connect();
    await next('reconnecting');
    clock.advance(500);
    await next('reconnecting');
    expect(clock.armed).toEqual([1000]);
    client.manualConnect();
    expect(statusOf(client)).toEqual(connecting);
    await next('reconnecting');
    expect(clock.armed).toEqual([500]);
    expect(events.filter(([name]) => name === 'reconnecting')).toEqual([
      ['reconnecting', 500, 1],
      ['reconnecting', 1000, 2],
      ['reconnecting', 500, 1],
    ]);
  });

  it('takes the place of an attempt that is under way', async () => {
    const { port, server } = await startMuteServer();
    const { client, clock } = startClient(port);
    client.connect();
    const [first] = await once(server, 'connection');
    const closed = once(first, 'close');
    const second = once(server, 'connection');
    client.manualConnect();
    await closed;
    await second;
    expect(statusOf(client)).toEqual(connecting);
    expect(clock.armed).toEqual([10_000]);
  });

  it('leaves a connection alone', async () => {
    const { port } = await startServer();
    const { client, events, next } = startClient(port);
    client.connect();
    await next('connect');
    const { socket } = client;
    client.manualConnect();
    expect(client.socket).toBe(socket);
    expect(events).toEqual([['connect']]);
  });
});
