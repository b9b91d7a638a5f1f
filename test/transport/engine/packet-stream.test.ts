import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Duplex, PassThrough } from 'node:stream';
import { afterEach, expect, test } from 'vitest';
import { PacketStream, type PacketStreamEvents } from '../../../src/transport/engine/packet-stream.js';
import type { Packet } from '../../../src/transport/engine/packet-framing.js';

const MEBIBYTE = 1024 * 1024;

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** The two ends of a connection. */
async function socketPair(): Promise<[Socket, Socket]> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const dialed = connect(address.port, '127.0.0.1');
  const [accepted] = (await once(server, 'connection')) as [Socket];
  closers.push(async () => {
    dialed.destroy();
    accepted.destroy();
    server.close();
    await once(server, 'close');
  });
  return [dialed, accepted];
}

/** Reads packets, and keeps each read with its length when it came, whoever releases it later. */
function watch(stream: Duplex): { packets: Packet[]; reads: { bytes: Buffer; length: number }[] } {
  const packets: Packet[] = [];
  const reads: { bytes: Buffer; length: number }[] = [];
  const push = stream.push.bind(stream);
  stream.push = (bytes: Buffer | null): boolean => {
    if (bytes !== null) reads.push({ bytes, length: bytes.length });
    return push(bytes);
  };
  const reading = new PacketStream(stream, 16 * MEBIBYTE, {
    onPacket: (packet) => {
      packets.push(packet);
      stream.emit('test packet');
    },
    onDrain() {},
    onError: (error) => stream.destroy(error),
    onClose() {},
  });
  closers.push(async () => reading.close());
  return { packets, reads };
}

const NOBODY: PacketStreamEvents = { onPacket() {}, onDrain() {}, onError() {}, onClose() {} };

const SENT = Buffer.alloc(4 * MEBIBYTE, 'data');

async function receive(accepted: Socket, dialed: Socket, packets: readonly Packet[]): Promise<void> {
  new PacketStream(dialed, MEBIBYTE, NOBODY).write([{ type: 'message', data: SENT }]);
  if (packets.length === 0) await once(accepted, 'test packet');
  expect(packets.map(({ data }) => SENT.equals(data as Buffer))).toEqual([true]);
}

test('the reads of a socket that were copied are released', async () => {
  const [dialed, accepted] = await socketPair();
  const { packets, reads } = watch(accepted);
  await receive(accepted, dialed, packets);
  const long = reads.filter(({ length }) => length >= 16 * 1024);
  expect(long.length).toBeGreaterThan(10);
  expect(long.every(({ bytes }) => bytes.length === 0)).toBe(true);
});

test.each([
  ['a listener', (socket: Socket) => socket.on('data', () => {})],
  ['a stream', (socket: Socket) => socket.pipe(new PassThrough().resume())],
])('those that %s of a user gets as well are left alone', async (_name, share) => {
  const [dialed, accepted] = await socketPair();
  const { packets, reads } = watch(accepted);
  share(accepted);
  await receive(accepted, dialed, packets);
  expect(reads.every(({ bytes, length }) => bytes.length === length)).toBe(true);
});

test('the reads of any other stream are left alone', async () => {
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  closers.push(() => Promise.resolve(stream.destroy()));
  const { packets, reads } = watch(stream);
  stream.push(Buffer.from([0x84, 0, 2, 0, 0]));
  stream.push(Buffer.alloc(65_536, 'a'));
  stream.push(Buffer.alloc(65_536, 'b'));
  if (packets.length === 0) await once(stream, 'test packet');
  expect(reads.map(({ bytes }) => bytes.length)).toEqual([5, 65_536, 65_536]);
});
