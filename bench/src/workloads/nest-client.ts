import type { ClientProxy } from '@nestjs/microservices';
import type { N2NClient } from 'nestjs-n2n';
import type { Connection } from '../peers/peer.js';

export function nestClientOf({ client }: Connection): ClientProxy {
  if (client === undefined) throw new Error("This work is for Nest's peers alone.");
  return client;
}

export function n2nClientOf(connection: Connection): N2NClient {
  const client = nestClientOf(connection);
  if (!isN2NClient(client)) throw new Error('This work is for the peers of this library alone.');
  return client;
}

/** By what it can do, and not by its class: the library must be no part of the memory of other peers' processes. */
export function isN2NClient(client: ClientProxy): client is N2NClient {
  return 'stream' in client;
}
