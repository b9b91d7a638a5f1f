import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { opening, openRaw, packet, rawClient, reset, startTarget, type Target } from './target.js';
import { proveNothingIsLeft, turn } from '../../support/harness.js';

const MESSAGE = 4;
const WEBSOCKET = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==',
];

/** Sends the first bytes of `all`, and resets once the server has the connection and they are on their way. */
async function resetAfter(target: Target, all: Buffer, count: number): Promise<void> {
  const accepted = once(target.http, 'connection');
  const { socket } = rawClient(target.port);
  await new Promise<void>((resolve) => {
    if (count === 0) resolve();
    else socket.write(all.subarray(0, count), () => resolve());
  });
  await accepted;
  // A reset that overtakes the reading of the bytes before it is read as an orderly end.
  await turn();
  await turn();
  const closed = once(socket, 'close');
  reset(socket);
  await closed;
}

describe('a reset', () => {
  proveNothingIsLeft();

  it.each<[string, string[]]>([
    ['nodeTransport', ['Connection: Upgrade', 'Upgrade: node-transport']],
    ['websocket', WEBSOCKET],
  ])('at every byte of the handshake of %s harms nobody', async (transport, headers) => {
    const target = await startTarget();
    const request = opening({ query: `EIO=4&transport=${transport}`, headers });
    const all = Buffer.concat([Buffer.from(request), packet(MESSAGE, '0{}')]);
    for (let count = 0; count <= all.length; count += 1) await resetAfter(target, all, count);
    await target.expectUnharmed();
  });

  it.each(['a middleware', 'allowRequest', 'generateId'] as const)(
    'while %s has not answered yet harms nobody',
    async (stage) => {
      const gate = { closed: false, reached: (): void => {}, open: (): void => {} };
      const pass = (): Promise<void> =>
        new Promise((resolve) => {
          gate.open = resolve;
          if (gate.closed) gate.reached();
          else resolve();
        });
      const target = await startTarget({
        ...(stage === 'allowRequest' && {
          allowRequest: (_request, done) => void pass().then(() => done(null, true)),
        }),
      });
      const { engine } = target.io;
      if (stage === 'a middleware') {
        engine.use((_request: unknown, _response: unknown, done: () => void) => void pass().then(done));
      }
      if (stage === 'generateId') {
        engine.generateId = async () => {
          await pass();
          return String(Math.random());
        };
      }
      gate.closed = true;
      for (const transport of ['nodeTransport', 'websocket']) {
        const reached = new Promise<void>((resolve) => (gate.reached = resolve));
        const accepted = once(target.http, 'connection');
        const { socket } = rawClient(target.port);
        const headers = transport === 'websocket' ? { headers: WEBSOCKET } : {};
        socket.write(opening({ query: `EIO=4&transport=${transport}`, ...headers }));
        const [server] = await accepted;
        await reached;
        const gone = new Promise((resolve) => server.once('error', resolve).once('close', resolve));
        reset(socket);
        // An upgraded stream that nobody reads learns of a reset only when it writes.
        await Promise.race([gone, new Promise((resolve) => setImmediate(resolve))]);
        gate.open();
        await Promise.resolve();
      }
      await target.expectUnharmed();
    },
  );

  it.each([1, 12, 13, 50, 100, 150])(
    'of a client that has read %i bytes of the answer harms nobody',
    async (read) => {
      const target = await startTarget();
      const { socket } = rawClient(target.port);
      let came = 0;
      const enough = new Promise<void>((resolve) =>
        socket.on('data', (bytes) => {
          came += bytes.length;
          if (came >= read) resolve();
        }),
      );
      socket.write(opening());
      await enough;
      reset(socket);
      await target.expectUnharmed();
    },
  );

  it('in the middle of a packet harms nobody, and is in the log', async () => {
    const target = await startTarget();
    const accepted = once(target.http, 'connection');
    const client = await openRaw(target.port);
    const [server] = await accepted;
    const read = once(server, 'data');
    client.socket.write(packet(MESSAGE, 'x'.repeat(100), 1_000));
    await read;
    reset(client.socket);
    expect(await target.logger.line(/closed/)).toMatch(/transport error \(.*ECONNRESET/);
    await target.expectUnharmed();
  });
});
