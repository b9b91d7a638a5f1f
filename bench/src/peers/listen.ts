import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { LOOPBACK } from './peer.js';

/** Listens where only this machine can reach it; returns the URL. */
export async function listenOnLoopback(server: Server, scheme: string): Promise<string> {
  server.listen(0, LOOPBACK);
  await once(server, 'listening');
  return urlOf(server, scheme);
}

export function urlOf(server: Pick<Server, 'address'>, scheme: string): string {
  const bound = server.address();
  if (bound === null || typeof bound === 'string')
    throw new Error('The server is not listening on a TCP port.');
  return `${scheme}://${bound.address}:${bound.port}`;
}

/** A port that nobody has just now, for servers that do not tell which one port 0 became. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const { port } = new URL(await listenOnLoopback(server, 'tcp'));
  server.close();
  await once(server, 'close');
  return Number(port);
}
