import { once } from 'node:events';
import { createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { afterEach, beforeEach, expect } from 'vitest';

export const HOST = '127.0.0.1';

const teardowns: (() => unknown)[] = [];

/** Registers what ends something a test has begun; what was begun last ends first. */
export function atEnd(teardown: () => unknown): void {
  teardowns.push(teardown);
}

/** Ends everything after each test, and proves that no socket is left of it. */
export function proveNothingIsLeft(): void {
  let before: string[] = [];
  beforeEach(() => {
    before = networkHandles();
  });
  afterEach(async () => {
    for (const teardown of teardowns.splice(0).toReversed()) await teardown();
    // Handles close in the turn after they were told to.
    for (let turns = 0; turns < 100 && networkHandles().length > before.length; turns += 1) await turn();
    // Fewer is no leak: a child process of an earlier test may have ended meanwhile.
    expect(networkHandles().length, networkHandles().join(' ')).toBeLessThanOrEqual(before.length);
  });
}

function networkHandles(): string[] {
  return process.getActiveResourcesInfo().filter((name) => /^(TCP|TLS|Pipe|GetAddrInfo)/.test(name));
}

/** A port on which nobody listens. */
export async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, HOST);
  await once(server, 'listening');
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The port of a listening server; 0 on a Unix socket. */
export function portOf(server: TcpServer): number {
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : 0;
}

export interface Deferred<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
}

export function deferred<Value>(): Deferred<Value> {
  const settled: { resolve?: (value: Value) => void } = {};
  const promise = new Promise<Value>((resolve) => (settled.resolve = resolve));
  return { promise, resolve: (value) => settled.resolve?.(value) };
}

/** Lets everything that is due in this turn of the event loop happen. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
