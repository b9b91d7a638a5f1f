import type { Server, Socket as ServerSocket } from 'socket.io';
import type { Socket as ClientSocket } from 'socket.io-client';
import type { Served } from '../place.js';

interface Emitter {
  once(name: string, listener: (...eventArguments: never[]) => void): unknown;
}

/** The arguments with which an event comes next. Not `once` of node:events, for which clients have no `off` to its taste. */
export function next<Arguments extends unknown[] = unknown[]>(
  emitter: Emitter,
  name: string,
): Promise<Arguments> {
  return new Promise((resolve) => emitter.once(name, (...all) => resolve(all as unknown as Arguments)));
}

/** The arguments of the next `count` events of a name, in order. */
export function many(
  emitter: { on(name: string, listener: (...eventArguments: never[]) => void): unknown },
  name: string,
  count: number,
): Promise<unknown[][]> {
  return new Promise((resolve) => {
    const all: unknown[][] = [];
    emitter.on(name, (...eventArguments) => {
      if (all.push(eventArguments) === count) resolve(all);
    });
  });
}

export interface Connected {
  readonly client: ClientSocket;
  readonly server: ServerSocket;
}

/** A client of the server, connected, and the server's socket for it. */
export async function connected(
  served: Served,
  options?: object,
  namespace = '/',
  auth?: Record<string, unknown>,
): Promise<Connected> {
  const accepted = next<[ServerSocket]>(served.io.of(namespace), 'connection');
  const client = served.client(options, namespace, auth);
  const failed = next<[Error]>(client, 'connect_error').then(([error]) => {
    throw error;
  });
  await Promise.race([next(client, 'connect'), failed]);
  failed.catch(() => {});
  const [server] = await accepted;
  return { client, server };
}

/** The error with which a client's attempt to connect fails. */
export async function refusalOf(client: ClientSocket): Promise<Error & { data?: unknown }> {
  const [error] = await next<[Error & { data?: unknown }]>(client, 'connect_error');
  return error;
}

/** Both sides' reasons for the end of a connection. */
export async function endOf({ client, server }: Connected): Promise<{ client: unknown; server: unknown }> {
  const reasons = await Promise.all([next(client, 'disconnect'), next(server, 'disconnect')]);
  return { client: reasons[0][0], server: reasons[1][0] };
}

/** An answer of the other side, made after it has seen everything sent before. */
export async function roundTrip({ client, server }: Connected): Promise<void> {
  server.once('round trip', (acknowledge: () => void) => acknowledge());
  await client.emitWithAck('round trip');
}

/** The sockets of the Engine.IO server below. */
export function engineSockets(io: Server): { transport: { send(packets: unknown[]): void } }[] {
  const { clients } = io.engine as unknown as { clients: Record<string, never> };
  return Object.values(clients);
}
