import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer as createTcpServer, type ListenOptions, type Server as TcpServer } from 'node:net';
import { Server, type ServerOptions } from 'socket.io';
import { expect } from 'vitest';
import type {
  NodeClientError,
  NodeClientEvents,
} from '../../src/transport/node-client/node-client-events.js';
import { noHandshake } from '../../src/transport/connection/attempt.js';
import { ReconnectLoop } from '../../src/transport/connection/reconnect-loop.js';
import {
  resolveNodeClientOptions,
  type NodeClientOptions,
} from '../../src/transport/node-client/node-client-options.js';
import { NodeClient } from '../../src/transport/node-client/node-client.js';
import { NodeEngine } from '../../src/transport/engine/node-engine.js';
import { FakeClock } from '../support/fake-clock.js';
import { atEnd, HOST, portOf } from '../support/harness.js';

export const TRANSPORTS = ['nodeTransport', 'websocket'] as const;

const EVENT_NAMES = [
  'connect',
  'disconnect',
  'message',
  'reconnecting',
  'reconnect',
  'reconnect-failed',
  'reconnect_failed',
] as const satisfies (keyof NodeClientEvents)[];

interface TestServer {
  readonly io: Server;
  readonly http: HttpServer;
  readonly port: number;
  readonly close: () => Promise<void>;
}

interface ServerPlace {
  readonly http?: HttpServer;
  readonly address?: ListenOptions;
}

/** A Socket.IO server of both transports. */
export async function startServer(
  { pingInterval = 10_000, pingTimeout = 20_000 }: Partial<ServerOptions> = {},
  { http = createHttpServer(), address = { port: 0, host: HOST } }: ServerPlace = {},
): Promise<TestServer> {
  const io = new Server();
  const engine = new NodeEngine({ transports: [...TRANSPORTS], pingInterval, pingTimeout });
  engine.attach(http, { path: '/socket.io/' });
  io.bind(engine);
  http.listen(address);
  await once(http, 'listening');
  const close = async (): Promise<void> => {
    await io.close();
    if (http.listening) await new Promise((resolve) => http.close(resolve));
  };
  atEnd(close);
  return { io, http, port: portOf(http), close };
}

/** A Socket.IO server as it comes, which does not know nodeTransport. */
export async function startStockServer(): Promise<TestServer> {
  const http = createHttpServer();
  const io = new Server(http, { transports: ['websocket'], serveClient: false, pingInterval: 10_000 });
  http.listen(0, HOST);
  await once(http, 'listening');
  const close = () => io.close();
  atEnd(close);
  return { io, http, port: portOf(http), close };
}

/** A server that takes connections and never says anything. */
export async function startMuteServer(): Promise<{ port: number; server: TcpServer }> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.resume();
    atEnd(() => socket.destroy());
  });
  server.listen(0, HOST);
  await once(server, 'listening');
  atEnd(() => new Promise((resolve) => server.close(resolve)));
  return { port: portOf(server), server };
}

interface Recorded {
  readonly client: NodeClient;
  readonly clock: FakeClock;
  /** What the client emitted, in order: names, with arguments but for errors, which stand with their type. */
  readonly events: unknown[][];
  readonly errors: NodeClientError[];
  readonly lines: string[];
  /** Settles when the event comes next. */
  readonly next: (name: keyof NodeClientEvents) => Promise<unknown[]>;
}

function clientTo(
  port: number | string,
  options: NodeClientOptions,
  delayLimit: (() => number) | undefined,
): NodeClient {
  if (delayLimit !== undefined) {
    const resolved = resolveNodeClientOptions({ hostOrUrl: HOST, port }, options);
    return new NodeClient(new ReconnectLoop(resolved, { handshake: noHandshake, delayLimit }));
  }
  return typeof port === 'string' ? new NodeClient(port, options) : new NodeClient(HOST, port, options);
}

/** `startClient` for clients of one transport. */
export function clientsOver(transport: string): typeof startClient {
  return (port, options, limit) => startClient(port, { transports: [transport], ...options }, limit);
}

/**
 * A client on a fake clock, with no jitter, whose events and log lines are recorded.
 * @param delayLimit see `ReconnectPolicy`
 */
export function startClient(
  port: number | string,
  options: NodeClientOptions = {},
  delayLimit?: () => number,
): Recorded {
  const clock = new FakeClock();
  const lines: string[] = [];
  const line = (level: string) => (text: string) => lines.push(`${level} ${text}`);
  const logger = {
    log: line('log'),
    error: line('error'),
    warn: line('warn'),
    debug: line('debug'),
    verbose: line('verbose'),
  };
  const all = { clock, logger, random: () => 0.5, transports: ['websocket'], ...options };
  const client = clientTo(port, all, delayLimit);
  const events: unknown[][] = [];
  const errors: Recorded['errors'] = [];
  for (const name of EVENT_NAMES) {
    client.on(name, (...eventArguments: unknown[]) => events.push([name, ...eventArguments]));
  }
  client.on('error', (error) => {
    errors.push(error);
    events.push(['error', error.type]);
  });
  atEnd(() => {
    client.disconnect();
    // What says goodbye has a timer until its socket has closed; nothing else may have one.
    expect(clock.armed.filter((delay) => delay !== 1000)).toEqual([]);
  });
  // Not `once` of node:events, which rejects at an `error` that a test is waiting past.
  const next = (name: keyof NodeClientEvents): Promise<unknown[]> =>
    new Promise((resolve) => client.once(name, (...eventArguments: unknown[]) => resolve(eventArguments)));
  return { client, clock, events, errors, lines, next };
}

export function statusOf({ connected, connecting, reconnecting }: NodeClient): object {
  return { connected, connecting, reconnecting };
}
