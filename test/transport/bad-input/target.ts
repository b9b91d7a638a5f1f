import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import { Socket } from 'node:net';
import type { Server } from 'socket.io';
import { Manager, type ManagerOptions, type Socket as ClientSocket } from 'socket.io-client';
import { expect } from 'vitest';
import { listen, type ListenSettings } from '../../../src/transport/http/listen.js';
import { clientTransport } from '../../../src/transport/engine/transport-registry.js';
import { recordingLogger, type RecordingLogger } from '../../support/recording-logger.js';
import { atEnd, HOST, portOf, turn } from '../../support/harness.js';
import { next } from '../socket-io/suites/events.js';

/** A server that is sent bad input, with a client that has done nothing wrong. */
export interface Target {
  readonly port: number;
  readonly io: Server;
  readonly http: HttpServer;
  readonly logger: RecordingLogger;
  /** The id of the bystander's connection, which is nobody else's. */
  readonly sid: string;
  /** Nothing is left of the others: connections, listeners, timers; the bystander is served as before. */
  expectUnharmed(): Promise<void>;
}

export async function startTarget(settings: ListenSettings = {}): Promise<Target> {
  const logger = recordingLogger();
  const io = listen(0, { host: HOST, logger, ...settings });
  const http = io.httpServer as HttpServer;
  await once(http, 'listening');
  atEnd(() => io.close());
  io.on('connection', (socket) =>
    socket.on('echo', (word: unknown, answer: (word: unknown) => void) => answer(word)),
  );
  const bystander = dial(portOf(http));
  await next(bystander, 'connect');
  const state = async (): Promise<object> => ({
    connections: await connectionsOf(http),
    clients: io.engine.clientsCount,
    listeners: [http, io.engine as never, process].map(listenersOf),
  });
  const before = await state();
  const timersBefore = timers();
  return {
    port: portOf(http),
    io,
    http,
    logger,
    sid: bystander.io.engine.id,
    async expectUnharmed() {
      const settled = async (): Promise<boolean> => timers() <= timersBefore && same(await state(), before);
      for (let turns = 0; turns < 200 && !(await settled()); turns += 1) await turn();
      expect(await state()).toEqual(before);
      // There may be fewer: some of what was there before has run since.
      expect(timers()).toBeLessThanOrEqual(timersBefore);
      expect(await bystander.timeout(5_000).emitWithAck('echo', 'word')).toBe('word');
    },
  };
}

function dial(port: number): ClientSocket {
  const options: Partial<ManagerOptions> = {
    hostname: HOST,
    port: String(port),
    path: '/socket.io/',
    transports: [clientTransport('nodeTransport')],
    reconnection: false,
  };
  const socket = new Manager(options).socket('/');
  atEnd(() => socket.disconnect());
  return socket;
}

const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

const same = (one: object, other: object): boolean => JSON.stringify(one) === JSON.stringify(other);

function connectionsOf(http: HttpServer): Promise<number> {
  return new Promise((resolve, reject) =>
    http.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
  );
}

function listenersOf(emitter: NodeJS.EventEmitter): Record<string, number> {
  return Object.fromEntries(emitter.eventNames().map((name) => [String(name), emitter.listenerCount(name)]));
}

interface RawClient {
  readonly socket: Socket;
  /** All that came, once the server has closed; the client does not close by itself. */
  readonly answer: Promise<string>;
  /** Settles once what came has `text` in it. */
  seen(text: string): Promise<void>;
}

/** A connection on which a test writes what it likes. It stays open as long as the server lets it. */
export function rawClient(port: number, host = HOST): RawClient {
  const socket = new Socket({ allowHalfOpen: true });
  let came = '';
  const watchers = new Set<() => void>();
  socket.on('data', (bytes) => {
    came += bytes.toString('latin1');
    for (const watch of watchers) watch();
  });
  socket.on('error', () => {});
  const answer = new Promise<string>((resolve) => {
    socket.once('end', () => resolve(came));
    socket.once('close', () => resolve(came));
  });
  atEnd(() => socket.destroy());
  socket.connect(port, host);
  return {
    socket,
    answer,
    seen: (text) =>
      new Promise((resolve) => {
        const watch = (): void => {
          if (!came.includes(text)) return;
          watchers.delete(watch);
          resolve();
        };
        watchers.add(watch);
        watch();
      }),
  };
}

/**
 * Ends a connection with a reset and nothing before it. `resetAndDestroy` ends it first, so that the other side reads
 * an orderly end; this is what it does after that.
 */
export function reset(socket: Socket): void {
  Object.assign(socket, { resetAndClosing: true }).destroy();
}

interface Opening {
  readonly method?: string;
  readonly query?: string;
  readonly version?: string;
  readonly headers?: readonly string[];
}

/** The request that opens a connection over nodeTransport, right but for what is given. */
export function opening({
  method = 'GET',
  query = 'EIO=4&transport=nodeTransport',
  version = '1.1',
  headers = ['Connection: Upgrade', 'Upgrade: node-transport'],
}: Opening = {}): string {
  return [`${method} /socket.io/?${query} HTTP/${version}`, 'Host: localhost', ...headers, '', ''].join(
    '\r\n',
  );
}

/** A raw connection past its handshake: what it writes now are packets. */
export async function openRaw(port: number): Promise<RawClient> {
  const client = rawClient(port);
  client.socket.write(opening());
  await client.seen('"sid":');
  return client;
}

export function packet(kind: number, data: Buffer | string = '', declared?: number): Buffer {
  const body = Buffer.from(data);
  const header = Buffer.alloc(5);
  header[0] = kind;
  header.writeUInt32BE(declared ?? body.length, 1);
  return Buffer.concat([header, body]);
}
