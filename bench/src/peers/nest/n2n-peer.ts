import type { Server } from 'socket.io';
import { N2NClient, N2NServer } from 'nestjs-n2n';
import { entriesIn, fieldOf } from '../../memory/entries.js';
import { LOOPBACK, type Peer } from '../peer.js';
import { connectNest } from './nest-connection.js';
import { serveNest } from './serve-nest.js';

/** @param options what the server and the client have beyond their defaults */
export function n2nPeer(options: { maxPayload?: number }): Peer {
  return {
    async serve() {
      const strategy = new N2NServer({ host: LOOPBACK, port: 0, ...options });
      const server = await serveNest({ strategy }, 'http', (app) => app.unwrap<Server>().httpServer);
      return { ...server, entries: () => serverEntries(strategy) };
    },

    async connect(address) {
      const connection = await connectNest(new N2NClient({ url: address, ...options }));
      return { ...connection, entries: () => clientEntries(connection.client) };
    },
  };
}

/** What the server keeps for the calls of its clients, and its ledger of events. */
function serverEntries(server: N2NServer): string[] {
  const sessions = fieldOf(fieldOf(server, 'host'), 'sessions') as Set<object>;
  return [...[...sessions].flatMap((peer) => entriesIn(peer)), ...entriesIn(fieldOf(server, 'ledger'))];
}

/** What the client keeps for its calls, and those that wait for a connection. */
function clientEntries(client: N2NClient): string[] {
  const endpoint = fieldOf(client, 'endpoint');
  return [fieldOf(fieldOf(endpoint, 'state'), 'peer'), fieldOf(endpoint, 'waiting')].flatMap(entriesIn);
}
