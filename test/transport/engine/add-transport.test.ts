import { createServer, IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { transports as clientTable } from 'engine.io-client';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { Manager, type ManagerOptions } from 'socket.io-client';
import {
  addTransport,
  listen,
  NodeClient,
  StreamClientTransport,
  StreamServerTransport,
} from '../../../src/node.js';
import type { StreamOpening } from '../../../src/node.js';
import type { NodeEngine } from '../../../src/transport/engine/node-engine.js';
import { NodeClientTransport, NodeServerTransport } from '../../../src/transport/engine/node-transport.js';
import { clientTransport } from '../../../src/transport/engine/transport-registry.js';
import { recordingLogger } from '../../support/recording-logger.js';
import { atEnd, proveNothingIsLeft } from '../../support/harness.js';
import { connected, next, refusalOf } from '../socket-io/suites/events.js';

/** One end of a pair: what is written at the other comes here. */
class PairEnd extends Duplex {
  other: PairEnd | undefined;
  private taken: (() => void) | undefined;

  override _read(): void {
    const { taken } = this;
    this.taken = undefined;
    taken?.();
  }

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    const { other } = this;
    if (other === undefined || other.destroyed) done();
    else if (other.push(bytes)) done();
    else other.taken = done;
  }

  override _final(done: () => void): void {
    this.other?.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const { other } = this;
    // As a connection does it: what one end destroys ends at the other, too.
    setImmediate(() => other?.destroy());
    done(error);
  }
}

function streamPair(): [Duplex, Duplex] {
  const [a, b] = [new PairEnd(), new PairEnd()];
  a.other = b;
  b.other = a;
  return [a, b];
}

const engines = new Map<string, NodeEngine>();

class PairServerTransport extends StreamServerTransport {
  override get name(): string {
    return 'pair';
  }
}

class PairClientTransport extends StreamClientTransport {
  override get name(): string {
    return 'pair';
  }

  protected get maxBytes(): number {
    return 2 ** 22;
  }

  protected openStream(opening: StreamOpening): () => void {
    const begin = setImmediate(() => {
      const engine = engines.get(String(this.opts.hostname));
      if (engine === undefined) return opening.onError('nobody is at the other end');
      const [ours, theirs] = streamPair();
      const request = new IncomingMessage(new Socket());
      request.method = 'GET';
      request.url = this.createUri('pair', this.query).replace(/^[^?]*/, '/');
      engine.acceptStream(request, theirs);
      opening.onOpen(ours);
    });
    return () => clearImmediate(begin);
  }
}

addTransport('pair', { server: PairServerTransport, client: PairClientTransport });

function servePair(name: string) {
  const logger = recordingLogger();
  const io = listen(createServer(), { transports: ['pair'], logger });
  engines.set(name, io.engine as unknown as NodeEngine);
  atEnd(() => {
    engines.delete(name);
    return io.close();
  });
  const client = (options: object = {}) => {
    const all: Partial<ManagerOptions> = Object.assign(
      { hostname: name, path: '/socket.io/', transports: [clientTransport('pair')], reconnection: false },
      options,
    );
    const socket = new Manager(all).socket('/');
    atEnd(() => socket.disconnect());
    return socket;
  };
  return { io, logger, client };
}

describe('a transport of addTransport, an in-process pair of streams,', () => {
  proveNothingIsLeft();

  it('is used by its name on both ends', async () => {
    const { io, client: dial } = servePair('here');
    const { client, server } = await connected({ io, client: dial } as never);
    expect(server.conn.transport.name).toBe('pair');
    expect(client.io.engine.transport.name).toBe('pair');
    server.on('echo', (bytes: Buffer, answer: (bytes: Buffer) => void) => answer(bytes));
    const bytes = Buffer.alloc(1_000_000, 7);
    expect(bytes.equals((await client.emitWithAck('echo', bytes)) as Buffer)).toBe(true);
    const over = next(server, 'disconnect');
    client.disconnect();
    expect((await over)[0]).toBe('client namespace disconnect');
  });

  it('is used by NodeClient by its name, for one address', async () => {
    const { io } = servePair('127.0.0.1');
    io.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
    const client = new NodeClient('127.0.0.1', 1, { transports: ['pair'], logging: false });
    atEnd(() => client.disconnect());
    const answer = new Promise((resolve) => client.on('message', resolve));
    client.send('hello');
    client.connect();
    expect(await answer).toBe('hello');
    expect(client.transportName).toBe('pair');
  });

  it('is refused, and the stream closed, where the server does not have it', async () => {
    const logger = recordingLogger();
    const io = listen(createServer(), { transports: ['nodeTransport'], logger });
    engines.set('other', io.engine as unknown as NodeEngine);
    atEnd(() => io.close());
    const { client } = servePair('unused');
    expect(await refusalOf(client({ hostname: 'other' }))).toBeInstanceOf(Error);
    expect(await logger.line(/refused/)).toMatch(/Transport unknown/);
  });

  it('tells why it could not open', async () => {
    const { client } = servePair('unused');
    expect((await refusalOf(client({ hostname: 'nowhere' }))).message).toBe('nobody is at the other end');
  });

  it('leaves the tables of Engine.IO as they were', async () => {
    const require = createRequire(import.meta.url);
    const { transports: serverTable } = require('engine.io') as { transports: object };
    expect(Object.keys(clientTable)).toEqual(['websocket', 'webtransport', 'polling']);
    expect(Object.keys(serverTable).toSorted()).toEqual(['polling', 'websocket', 'webtransport']);
  });
});

describe('addTransport', () => {
  const halves = { server: NodeServerTransport, client: NodeClientTransport };

  it.each<[string, unknown, unknown, RegExp]>([
    ['no name', '', halves, /name is ""; give a non-empty string/],
    ['a name that is no string', 7, halves, /name is 7/],
    ['a name that is taken', 'nodeTransport', halves, /"nodeTransport" already/],
    ["Engine.IO's own name", 'websocket', halves, /"websocket" already/],
    ['no server', 'half', { client: NodeClientTransport }, /"half"\): server must be a transport class/],
    ['no client', 'half', { server: NodeServerTransport }, /"half"\): client must be a transport class/],
    ['a half that is no class', 'half', { ...halves, client: 'x' }, /client must be/],
    ['nothing', 'half', undefined, /server must be/],
  ])('throws INVALID_OPTIONS for %s', (_case, name, definition, message) => {
    const add = (): void => addTransport(name as string, definition as typeof halves);
    expect(add).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }));
    expect(add).toThrow(message);
  });

  it('takes nothing of what it refused', () => {
    expect(() => clientTransport('half')).toThrow(/there are: nodeTransport/);
  });
});
