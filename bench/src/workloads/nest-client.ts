import type { ClientProxy } from '@nestjs/microservices';
import type { N2NClient } from 'nestjs-n2n';
import type { Connection } from '../peers/peer.js';

export function nestClientOf({ client }: Connection): ClientProxy {
  if (client === undefined) throw new Error("This work is for Nest's peers alone.");
  return client;
}

export function n2nClientOf(connection: Connection): N2NClient {
  const client = nestClientOf(connection);
  if (!('stream' in client)) throw new Error('This work is for the peers of this library alone.');
  return client as N2NClient;
}
