import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { FaultProxy, type Planner } from '../support/fault-proxy/fault-proxy.js';
import { CUT_KINDS, type CutAfter, type CutKind } from '../support/fault-proxy/link-plan.js';
import { atEnd, deferred, freePort, HOST, portOf, proveNothingIsLeft, turn } from '../support/harness.js';
import { n2nErrorOf } from '../support/outcome.js';
import { seededRandom } from '../support/random.js';
import { scripted } from '../support/scripted.js';
import { startClient, startService } from '../support/service.js';

/** What one side of a link sees of it. */
class Side {
  readonly pieces: Buffer[] = [];
  /** `end` after an orderly end, or the code of the error. */
  readonly over: Promise<string>;
  private readonly progress = new Set<() => void>();

  constructor(readonly socket: Socket) {
    this.over = new Promise((resolve) => {
      socket.once('end', () => resolve('end'));
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    });
    socket.on('data', (bytes: Buffer) => {
      this.pieces.push(bytes);
      for (const look of this.progress) look();
    });
    atEnd(() => socket.destroy());
  }

  get bytes(): Buffer {
    return Buffer.concat(this.pieces);
  }

  get count(): number {
    return this.pieces.reduce((sum, { length }) => sum + length, 0);
  }

  /** Settles when as many bytes have come. */
  async got(bytes: number): Promise<void> {
    if (this.count >= bytes) return;
    const there = deferred<void>();
    const look = (): void => {
      if (this.count >= bytes) there.resolve();
    };
    this.progress.add(look);
    await there.promise;
    this.progress.delete(look);
  }
}

interface Scene {
  readonly proxy: FaultProxy;
  readonly target: Server;
  /** A link with a plan: its two ends, connected. */
  readonly link: (planner?: Planner) => Promise<{ client: Side; server: Side }>;
}

async function startScene(seed?: number): Promise<Scene> {
  const target = createServer({ allowHalfOpen: true });
  target.listen(0, HOST);
  await once(target, 'listening');
  atEnd(() => new Promise((resolve) => target.close(resolve)));
  const proxy = await FaultProxy.listen({ target: { port: portOf(target) }, seed });
  atEnd(() => proxy.close());
  const link: Scene['link'] = async (planner = () => ({})) => {
    proxy.plan(planner);
    const [client, server] = await Promise.all([
      dial(proxy.port),
      once(target, 'connection').then(([socket]) => new Side(socket as Socket)),
    ]);
    return { client, server };
  };
  return { proxy, target, link };
}

async function dial(port: number): Promise<Side> {
  const side = new Side(connect({ port, host: HOST, allowHalfOpen: true }));
  await once(side.socket, 'connect');
  return side;
}

/** Bytes of which each tells where it stands, so that a lost or a moved one is seen. */
function numbered(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32BE(at, at);
  return bytes;
}

/** Lets everything happen that would happen without a wait. */
async function manyTurns(): Promise<void> {
  // oxlint-disable-next-line no-await-in-loop -- one turn after the other
  for (let turns = 0; turns < 50; turns += 1) await turn();
}

const after = (bytes: number, how: CutKind, direction: CutAfter['direction'] = 'up'): Planner => {
  return () => ({ cutAfter: { direction, bytes, how } });
};

describe('a link without faults', () => {
  proveNothingIsLeft();

  test('carries bytes both ways, whole and in order, and ends in each direction by itself', async () => {
    const { proxy, link } = await startScene();
    const { client, server } = await link();
    const up = numbered(3_000_000);
    const down = numbered(2_000_000);
    client.socket.end(up);
    expect(await server.over).toBe('end');
    expect(server.bytes.equals(up)).toBe(true);
    // The other direction is open still.
    server.socket.end(down);
    expect(await client.over).toBe('end');
    expect(client.bytes.equals(down)).toBe(true);
    await proxy.until(({ openLinks }) => openLinks === 0);
    expect([proxy.links, proxy.cuts]).toEqual([1, 0]);
  });

  test('passes on a reset, in either direction', async () => {
    const { link } = await startScene();
    const first = await link();
    first.client.socket.resetAndDestroy();
    expect(await first.server.over).toBe('ECONNRESET');
    const second = await link();
    second.server.socket.resetAndDestroy();
    expect(await second.client.over).toBe('ECONNRESET');
  });

  test('holds back a sender whose receiver is slow, with little in its own memory', async () => {
    const { proxy, link } = await startScene();
    const { client, server } = await link();
    const bytes = numbered(32 * 1024 * 1024);
    let most = 0;
    server.socket.on('data', () => {
      most = Math.max(most, proxy.held);
      server.socket.pause();
      setImmediate(() => server.socket.resume());
    });
    client.socket.end(bytes);
    expect(await server.over).toBe('end');
    expect(server.bytes.equals(bytes)).toBe(true);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThan(1024 * 1024);
  });

  test('leads over a Unix domain socket, too', async () => {
    const path = join(tmpdir(), `fault-proxy-${process.pid}.sock`);
    const target = createServer((socket) => socket.pipe(socket));
    target.listen(path);
    await once(target, 'listening');
    atEnd(() => new Promise((resolve) => target.close(resolve)));
    const proxy = await FaultProxy.listen({ target: { path } });
    atEnd(() => proxy.close());
    const client = await dial(proxy.port);
    client.socket.end('there and back');
    expect(await client.over).toBe('end');
    expect(client.bytes.toString()).toBe('there and back');
  });
});

describe('a link that is cut', () => {
  proveNothingIsLeft();

  /** What the two sides see of it; undefined where they see nothing. */
  const SEEN: Record<CutKind, { client: string | undefined; server: string | undefined }> = {
    fin: { client: 'end', server: 'end' },
    rst: { client: 'ECONNRESET', server: 'ECONNRESET' },
    silence: { client: undefined, server: undefined },
    'half-open': { client: 'ECONNRESET', server: undefined },
    'client-unaware': { client: undefined, server: 'ECONNRESET' },
  };

  /** What a side has seen once everything has happened. */
  async function seenBy(side: Side, expected: string | undefined): Promise<string | undefined> {
    if (expected !== undefined) return side.over;
    await manyTurns();
    return Promise.race([side.over, turn().then(() => undefined)]);
  }

  test.each(CUT_KINDS)('with %s, shows it to the right sides, and carries nothing more', async (how) => {
    const { proxy, link } = await startScene();
    const { client, server } = await link();
    client.socket.write('up');
    server.socket.write('down');
    await Promise.all([server.got(2), client.got(4)]);
    proxy.cutAll(how);
    expect(await seenBy(client, SEEN[how].client)).toBe(SEEN[how].client);
    expect(await seenBy(server, SEEN[how].server)).toBe(SEEN[how].server);
    for (const side of [client, server]) side.socket.write('too late');
    await manyTurns();
    expect([server.bytes.toString(), client.bytes.toString()]).toEqual(['up', 'down']);
    expect(proxy.cuts).toBe(1);
  });

  test.each(CUT_KINDS.flatMap((how) => [1, 65_536, 65_537].map((count) => [how, count] as const)))(
    'with %s, after %i bytes, lets exactly as many pass',
    async (how, count) => {
      const { proxy, link } = await startScene();
      const bytes = numbered(100_000);
      for (const direction of ['up', 'down'] as const) {
        // oxlint-disable no-await-in-loop -- one link after the other
        const before = proxy.cuts;
        const { client, server } = await link(after(count, how, direction));
        const [from, to] = direction === 'up' ? [client, server] : [server, client];
        from.socket.write(bytes);
        await proxy.until(({ cuts }) => cuts === before + 1);
        await to.got(count);
        await manyTurns();
        expect(to.bytes.equals(bytes.subarray(0, count))).toBe(true);
        expect(from.count).toBe(0);
        // oxlint-enable no-await-in-loop
      }
    },
  );

  test('counts the bytes of one direction, or of both together', async () => {
    const { link } = await startScene();
    const one = await link(after(10, 'fin', 'up'));
    one.server.socket.write(numbered(1000));
    await one.client.got(1000);
    one.client.socket.write(numbered(100));
    expect(await one.server.over).toBe('end');
    expect(one.server.count).toBe(10);

    const both = await link(after(10, 'fin', 'either'));
    both.server.socket.write(numbered(7));
    await both.client.got(7);
    both.client.socket.write(numbered(100));
    expect(await both.server.over).toBe('end');
    expect(both.server.count).toBe(3);
  });

  test('after no bytes at all, is cut as soon as it is there', async () => {
    const { proxy } = await startScene();
    proxy.plan(after(0, 'rst'));
    const client = new Side(connect({ port: proxy.port, host: HOST }));
    expect(await client.over).toBe('ECONNRESET');
    expect([proxy.links, proxy.cuts]).toEqual([1, 1]);
  });

  test('is let go of by the proxy when the sides that saw nothing have closed', async () => {
    const { proxy, link } = await startScene();
    const { client, server } = await link();
    proxy.cutAll('silence');
    expect(proxy.openLinks).toBe(1);
    client.socket.destroy();
    await manyTurns();
    expect(proxy.openLinks).toBe(1);
    server.socket.destroy();
    await proxy.until(({ openLinks }) => openLinks === 0);
  });

  test('cutAll cuts every link there is, once', async () => {
    const { proxy, link } = await startScene();
    const links = [await link(), await link(), await link()];
    proxy.cutAll('rst');
    proxy.cutAll('fin');
    for (const { client, server } of links) {
      // oxlint-disable-next-line no-await-in-loop -- one link after the other
      expect(await Promise.all([client.over, server.over])).toEqual(['ECONNRESET', 'ECONNRESET']);
    }
    expect(proxy.cuts).toBe(3);
    const { client } = await link();
    client.socket.end();
  });
});

describe('a link that is slow', () => {
  proveNothingIsLeft();

  test('delays each byte as long, and what follows is not delayed any longer', async () => {
    const { link } = await startScene();
    const { client, server } = await link(() => ({ delay: 100 }));
    const started = performance.now();
    for (let piece = 0; piece < 20; piece += 1) {
      client.socket.write(Buffer.from([piece]));
      // oxlint-disable-next-line no-await-in-loop -- so that they are pieces
      await turn();
    }
    await server.got(20);
    const took = performance.now() - started;
    expect([...server.bytes]).toEqual(Array.from({ length: 20 }, (_, piece) => piece));
    // One after the other, they would take two seconds.
    expect(took).toBeGreaterThanOrEqual(99);
    expect(took).toBeLessThan(1000);
  });

  test('delays its end, too', async () => {
    const { link } = await startScene();
    const { client, server } = await link(() => ({ delay: 50 }));
    const started = performance.now();
    client.socket.end('last words');
    expect(await server.over).toBe('end');
    expect(performance.now() - started).toBeGreaterThanOrEqual(49);
    expect(server.bytes.toString()).toBe('last words');
  });

  test('passes no more bytes a second than its bandwidth', async () => {
    const { link } = await startScene();
    const { client, server } = await link(() => ({ bandwidth: 100_000 }));
    const bytes = numbered(30_000);
    const started = performance.now();
    client.socket.end(bytes);
    await server.got(bytes.length);
    expect(performance.now() - started).toBeGreaterThanOrEqual(280);
    expect(server.bytes.equals(bytes)).toBe(true);
  });

  test('in slices of one byte, brings them one by one', async () => {
    const { link } = await startScene();
    const { client, server } = await link(() => ({ slice: 1 }));
    const bytes = numbered(2000);
    client.socket.end(bytes);
    expect(await server.over).toBe('end');
    expect(server.bytes.equals(bytes)).toBe(true);
    // The system may bring two together when this process is held up; hardly ever, and never all.
    expect(server.pieces.length).toBeGreaterThan(1000);
  });

  test('is cut at the exact byte all the same', async () => {
    const { link } = await startScene();
    const { client, server } = await link(() => ({
      delay: 10,
      bandwidth: 100_000,
      slice: 3,
      cutAfter: { direction: 'up', bytes: 100, how: 'fin' },
    }));
    client.socket.write(numbered(1000));
    expect(await server.over).toBe('end');
    expect(server.bytes.equals(numbered(100))).toBe(true);
  });
});

describe('a proxy', () => {
  proveNothingIsLeft();

  test('plans each link from its seed and index alone', async () => {
    const drawn = async (seed: number, first: number): Promise<number[]> => {
      const { link } = await startScene(seed);
      const numbers: number[] = [];
      const draw: Planner = ({ index, random }) => {
        // What the first link uses up must not matter to the second.
        for (let used = 0; index === 0 && used < first; used += 1) random();
        numbers.push(index, random());
        return {};
      };
      await link(draw);
      await link(draw);
      return numbers;
    };
    const once = await drawn(7, 0);
    expect(await drawn(7, 0)).toEqual(once);
    expect((await drawn(7, 5)).slice(2)).toEqual(once.slice(2));
    expect(once[1]).not.toBe(once[3]);
    expect(await drawn(8, 0)).not.toEqual(once);
  });

  test('resets those who connect while it refuses, and keeps its port', async () => {
    const { proxy, link } = await startScene();
    const { port } = proxy;
    proxy.refuse(true);
    expect(await new Side(connect({ port, host: HOST })).over).toBe('ECONNRESET');
    expect(proxy.links).toBe(0);
    proxy.refuse(false);
    const { client, server } = await link();
    client.socket.end('in');
    await server.over;
    expect([proxy.port, server.bytes.toString()]).toEqual([port, 'in']);
  });

  test('in an outage, cuts all there is and resets all who come, until it is over', async () => {
    const { proxy, link } = await startScene();
    const { client, server } = await link();
    const started = performance.now();
    const outage = proxy.outage('fin', 50);
    expect(await Promise.all([client.over, server.over])).toEqual(['end', 'end']);
    expect(await new Side(connect({ port: proxy.port, host: HOST })).over).toBe('ECONNRESET');
    await outage;
    expect(performance.now() - started).toBeGreaterThanOrEqual(49);
    const next = await link();
    next.client.socket.end('in');
    await next.server.over;
    expect([next.server.bytes.toString(), proxy.cuts]).toEqual(['in', 1]);
    const endless = proxy.outage('fin', 60_000);
    await proxy.close();
    await endless;
  });

  test('leads new links to a new target, and resets those whose target is not there', async () => {
    const { proxy, link } = await startScene();
    const old = await link();
    const other = await startScene();
    proxy.retarget({ port: portOf(other.target) });
    const [client, server] = await Promise.all([
      dial(proxy.port),
      once(other.target, 'connection').then(([socket]) => new Side(socket as Socket)),
    ]);
    client.socket.write('new');
    old.client.socket.write('old');
    await Promise.all([server.got(3), old.server.got(3)]);
    expect([server.bytes.toString(), old.server.bytes.toString()]).toEqual(['new', 'old']);
    proxy.retarget({ port: await freePort() });
    expect(await (await dial(proxy.port)).over).toBe('ECONNRESET');
  });

  test('leaves nothing when it is closed in the middle of everything', async () => {
    const { proxy, link } = await startScene();
    const slow = await link(() => ({ delay: 60_000 }));
    const thin = await link(() => ({ bandwidth: 1 }));
    const sliced = await link(() => ({ slice: 1 }));
    const silent = await link(after(1, 'silence'));
    for (const { client } of [slow, thin, sliced, silent]) client.socket.write(numbered(100_000));
    await silent.server.got(1);
    await sliced.server.got(1);
    await proxy.close();
    expect(proxy.openLinks).toBe(0);
    // Timers would keep this process for a minute and more.
    expect(process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length).toBeLessThan(3);
  });
});

describe('calls over a link that is cut', () => {
  proveNothingIsLeft();

  test('those under way end with CONNECTION_LOST, and those after it go over the next link', async () => {
    const under = deferred<void>();
    const service = await startService(
      scripted(() => {
        under.resolve();
        return new Promise(() => {});
      }),
    );
    const proxy = await FaultProxy.listen({ target: { port: Number(new URL(service.url).port) } });
    atEnd(() => proxy.close());
    // It does not come back by itself, so that no session can outlive its link.
    const client = startClient(`http://${HOST}:${proxy.port}`, { reconnect: false });
    expect(await lastValueFrom(client.send('echo', 'before'))).toBe('before');
    const lost = n2nErrorOf(client.send('call', 1), 'CONNECTION_LOST');
    await under.promise;
    proxy.cutAll('rst');
    expect((await lost).retryable).toBe(true);
    expect(await lastValueFrom(client.send('echo', 'after'))).toBe('after');
    expect([proxy.links, proxy.cuts]).toEqual([2, 1]);
  });

  test('slices, delay and little bandwidth change nothing of what is called', async () => {
    const service = await startService(scripted(() => 1));
    const proxy = await FaultProxy.listen({ target: { port: Number(new URL(service.url).port) } });
    atEnd(() => proxy.close());
    proxy.plan(({ index }) => (index === 0 ? { slice: 1 } : { delay: 5, bandwidth: 1_000_000 }));
    const random = seededRandom(proxy.seed);
    const payload = Buffer.from(Array.from({ length: 10_000 }, () => Math.floor(random() * 256)));
    for (let links = 1; links <= 2; links += 1) {
      const client = startClient(`http://${HOST}:${proxy.port}`);
      // oxlint-disable-next-line no-await-in-loop -- one link after the other
      const echo = await lastValueFrom(client.send<Buffer>('echo', payload));
      expect([proxy.links, payload.equals(echo)]).toEqual([links, true]);
    }
  });
});
