import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { Chunk } from '../../../src/protocol/frames/chunk.js';
import type { Link } from '../../../src/session/link.js';
import { n2nParser } from '../../../src/transport/socket-io/n2n-parser.js';
import { acceptedLink, dialedLink } from '../../../src/transport/socket-io/socket-link.js';
import { nodeTransportPlace, websocketPlace, withN2nParser, type Place } from './place.js';

const MEBIBYTE = 1024 * 1024;

/** What came over a link. */
class Inbox {
  private bytes = 0;
  readonly chunks: string[] = [];
  releasable = 0;
  /** Of those, how many were empty once they were released. */
  released = 0;
  readonly releases: (() => void)[] = [];
  onWritable = (): void => {};
  private wanted: { bytes: number; resolve: () => void } | undefined;

  onChunk(chunk: Buffer, release?: () => void): void {
    this.bytes += chunk.length;
    this.chunks.push(`${chunk.toString('latin1', 0, 8)} of ${chunk.length}`);
    if (release !== undefined) {
      this.releasable += 1;
      release();
      if (chunk.length === 0) this.released += 1;
      this.releases.push(release);
    }
    if (this.wanted !== undefined && this.bytes >= this.wanted.bytes) this.wanted.resolve();
  }

  onBroken(): void {}

  /** Waits until so many bytes have come in all. */
  async until(bytes: number): Promise<void> {
    if (this.bytes >= bytes) return;
    await new Promise<void>((resolve) => (this.wanted = { bytes, resolve }));
  }
}

interface Side {
  readonly link: Link;
  readonly inbox: Inbox;
  /** Engine.IO's socket. */
  readonly engine: { on(event: string, listener: (...args: unknown[]) => void): unknown };
  /** Bytes that were given to the system. */
  written(): number;
}

async function linkPair(place: Place): Promise<{ accepted: Side; dialed: Side }> {
  const served = await withN2nParser(place)();
  const { io, http } = served;
  const written: (() => number)[] = [];
  http.on('connection', (socket: { bytesWritten: number }) => written.push(() => socket.bytesWritten));
  const accepting = new Promise<[Link, Side['engine']]>((resolve) => {
    io.on('connection', (socket) => resolve([acceptedLink(socket), socket.conn]));
  });
  const socket = served.client({ parser: n2nParser });
  socket.connect();
  await once(socket as never, 'connect');
  const [dialed, accepted] = [new Inbox(), new Inbox()];
  const dialedEnd = dialedLink(socket);
  dialedEnd.open(dialed);
  dialedEnd.write(new Chunk([Buffer.from('hello')]));
  const [acceptedEnd, acceptedEngine] = await accepting;
  acceptedEnd.open(accepted);
  const count = written[0] ?? (() => 0);
  return {
    accepted: { link: acceptedEnd, inbox: accepted, engine: acceptedEngine, written: count },
    dialed: {
      link: dialedEnd,
      inbox: dialed,
      engine: socket.io.engine,
      written: () => 0,
    },
  };
}

/** A chunk in one piece or in several, whose beginning says its number. */
function chunkOf(index: number, length: number): Chunk {
  const bytes = Buffer.alloc(length, `${index}.......`);
  return index % 2 === 0 ? new Chunk([bytes]) : new Chunk([bytes.subarray(0, 8), bytes.subarray(8)]);
}

function told(index: number, length: number): string {
  return `${`${index}.......`.slice(0, 8)} of ${length}`;
}

describe.each([
  ['nodeTransport', nodeTransportPlace],
  ['WebSocket', websocketPlace],
])('over %s', (_name, place) => {
  test.each(['accepted', 'dialed'] as const)(
    'what the %s side writes comes whole and in order, whatever its length, and however full the link is',
    async (from) => {
      const sides = await linkPair(place);
      const { link, inbox: own } = sides[from];
      const { inbox } = sides[from === 'accepted' ? 'dialed' : 'accepted'];
      // Beside what stock parts of the connection send.
      const lengths = Array.from(
        { length: 200 },
        (_each, index) => [9, 700, 5_000, 65_000, 300_000][index % 5] ?? 9,
      );
      const before = inbox.chunks.length;
      const total = lengths.reduce((sum, length) => sum + length, from === 'dialed' ? 5 : 0);
      for (const [index, length] of lengths.entries()) {
        if (link.write(chunkOf(index, length))) continue;
        await new Promise<void>((resolve) => (own.onWritable = resolve));
      }
      await inbox.until(total);
      expect(inbox.chunks.slice(before)).toEqual(lengths.map((length, index) => told(index, length)));
    },
  );

  test('a link that takes no more says so, and tells when it does again', async () => {
    const { accepted, dialed } = await linkPair(place);
    let taken = 0;
    while (accepted.link.write(chunkOf(taken, MEBIBYTE))) taken += 1;
    expect(taken).toBeLessThan(10);
    await new Promise<void>((resolve) => (accepted.inbox.onWritable = resolve));
    expect(accepted.link.write(chunkOf(0, 10))).toBe(true);
    await dialed.inbox.until((taken + 1) * MEBIBYTE + 10);
  });
});

describe('the memory of a long chunk may be released', () => {
  /** Socket.IO's client has no heartbeat of ours, which listens as well. */
  const alone = ({ engine }: Side, from: 'accepted' | 'dialed'): void => {
    if (from === 'accepted') engine.on('packet', () => {});
  };

  async function send(from: 'accepted' | 'dialed', place: Place, share: (to: Side) => void): Promise<Inbox> {
    const sides = await linkPair(place);
    const to = sides[from === 'accepted' ? 'dialed' : 'accepted'];
    alone(to, from);
    share(to);
    for (let index = 0; index < 4; index++) sides[from].link.write(chunkOf(index, 65_000));
    await to.inbox.until(4 * 65_000);
    return to.inbox;
  }

  test.each(['accepted', 'dialed'] as const)('that came from the %s side', async (from) => {
    const { releasable, released } = await send(from, nodeTransportPlace, () => {});
    expect(releasable).toBe(4);
    // One that came in the read of others stays.
    expect(released).toBeGreaterThan(0);
  });

  test('only while the chunk is delivered: a release that is late does nothing', async () => {
    const { accepted, dialed } = await linkPair(nodeTransportPlace);
    alone(dialed, 'accepted');
    accepted.link.write(chunkOf(0, 65_000));
    await dialed.inbox.until(65_000);
    const [late] = dialed.inbox.releases;
    expect(late).toBeDefined();
    const next = new Promise<Buffer>((resolve) => (dialed.inbox.onChunk = resolve));
    accepted.link.write(chunkOf(1, 65_000));
    const chunk = await next;
    late?.();
    expect(chunk).toHaveLength(65_000);
  });

  test.each(
    (['packet', 'data', 'message'] as const).flatMap((event) => [
      ['accepted', event] as const,
      ['dialed', event] as const,
    ]),
  )('but not one from the %s side that a listener of "%s" sees', async (from, event) => {
    expect(await send(from, nodeTransportPlace, ({ engine }) => engine.on(event, () => {}))).toMatchObject({
      releasable: 0,
    });
  });

  test('but not over WebSocket, whose reads are not ours', async () => {
    expect(await send('dialed', websocketPlace, () => {})).toMatchObject({ releasable: 0 });
  });
});

test.each(['accepted', 'dialed'] as const)(
  'whoever watches what the %s side sends is shown each chunk as one Buffer',
  async (from) => {
    const sides = await linkPair(nodeTransportPlace);
    const { link, engine } = sides[from];
    const { inbox } = sides[from === 'accepted' ? 'dialed' : 'accepted'];
    const seen: unknown[] = [];
    engine.on('packetCreate', (packet) => seen.push((packet as { data: Buffer }).data.length));
    const lengths = [100, 100, 65_000, 300_000];
    for (const [index, length] of lengths.entries()) link.write(chunkOf(index, length));
    await inbox.until(365_200);
    expect(seen).toEqual(lengths);
  },
);

test.each([
  ['accepted', 'send'],
  ['dialed', 'write'],
] as const)('a transport of the %s side that overrides "%s" is given every chunk', async (from, method) => {
  const sides = await linkPair(nodeTransportPlace);
  const { link, engine } = sides[from];
  const { inbox } = sides[from === 'accepted' ? 'dialed' : 'accepted'];
  const { transport } = engine as unknown as { transport: Record<string, (packets: unknown[]) => void> };
  const plain = transport[method].bind(transport);
  let packets = 0;
  transport[method] = (all) => {
    packets += all.length;
    plain(all);
  };
  for (let index = 0; index < 5; index++) link.write(chunkOf(index, 1_000));
  await inbox.until(5_000);
  expect(packets).toBe(5);
});

test('over nodeTransport, what is written in one turn leaves within it', async () => {
  const { accepted, dialed } = await linkPair(nodeTransportPlace);
  await dialed.inbox.until(0);
  const before = accepted.written();
  for (let index = 0; index < 3; index++) {
    accepted.link.write(chunkOf(index, 1_000));
    expect(accepted.written() - before).toBe((index + 1) * 1_005);
  }
});
