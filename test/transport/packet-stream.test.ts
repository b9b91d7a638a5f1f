import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { afterEach, expect, test } from 'vitest';
import { PacketStream, type PacketStreamEvents } from '../../src/transport/packet-stream.js';
import type { Packet } from '../../src/transport/packet-framing.js';

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
  const dialled = connect(address.port, '127.0.0.1');
  const [accepted] = (await once(server, 'connection')) as [Socket];
  closers.push(async () => {
    dialled.destroy();
    accepted.destroy();
    server.close();
    await once(server, 'close');
  });
  return [dialled, accepted];
}

/** Reads packets, and tells how long each read is before and after it was read. */
function watch(stream: Duplex): { packets: Packet[]; before: number[]; after: number[] } {
  const packets: Packet[] = [];
  const before: number[] = [];
  const after: number[] = [];
  stream.on('data', (bytes: Buffer) => before.push(bytes.length));
  const reading = new PacketStream(stream, 16 * MEBIBYTE, {
    onPacket: (packet) => packets.push(packet),
    onDrain() {},
    onError: (error) => stream.destroy(error),
    onClose() {},
  });
  closers.push(async () => reading.close());
  stream.on('data', (bytes: Buffer) => after.push(bytes.length));
  return { packets, before, after };
}

const NOBODY: PacketStreamEvents = { onPacket() {}, onDrain() {}, onError() {}, onClose() {} };

test('the reads of a socket that were copied are released', async () => {
  const [dialled, accepted] = await socketPair();
  const { packets, before, after } = watch(accepted);
  const sent = Buffer.alloc(4 * MEBIBYTE, 'data');
  new PacketStream(dialled, MEBIBYTE, NOBODY).write([{ type: 'message', data: sent }]);
  while (packets.length === 0) await once(accepted, 'data');
  expect(packets.map(({ data }) => sent.equals(data as Buffer))).toEqual([true]);
  const long = before.map((length) => length >= 16 * 1024);
  expect(long.filter(Boolean).length).toBeGreaterThan(10);
  expect(after.map((length) => length === 0)).toEqual(long);
});

test('the reads of any other stream are left alone', async () => {
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  closers.push(() => Promise.resolve(stream.destroy()));
  const { packets, after } = watch(stream);
  const head = Buffer.from([0x84, 0, 2, 0, 0]);
  stream.push(head);
  stream.push(Buffer.alloc(65_536, 'a'));
  stream.push(Buffer.alloc(65_536, 'b'));
  while (packets.length === 0) await once(stream, 'data');
  expect(after).toEqual([5, 65_536, 65_536]);
});
