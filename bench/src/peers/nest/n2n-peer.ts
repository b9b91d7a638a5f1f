import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Server } from 'socket.io';
import { N2NClient, N2NServer, type N2NServerOptions } from 'nestjs-n2n';
import { entriesIn, fieldOf } from '../../memory/entries.js';
import { urlOf } from '../listen.js';
import { LOOPBACK, type Peer } from '../peer.js';
import { authority, serverCertificate } from '../tls/certificate.js';
import { EchoModule } from './echo.module.js';
import { connectNest } from './nest-connection.js';
import { serveNest } from './serve-nest.js';

/** What differs from this library with its defaults. */
interface N2NVariant {
  /** Of both sides, in bytes. */
  readonly maxPayload?: number;
  /** Of both sides, in milliseconds. */
  readonly resumeWindow?: number;
  readonly tls?: boolean;
  /** Whether it listens on a Unix domain socket, and not on a port. */
  readonly unix?: boolean;
  readonly transports?: readonly string[];
  /** Of the handler that echoes. */
  readonly pattern?: string;
}

export function n2nPeer({
  maxPayload,
  resumeWindow,
  tls = false,
  unix = false,
  transports,
  pattern,
}: N2NVariant = {}): Peer {
  return {
    async serve() {
      const folder = unix ? await mkdtemp(join(tmpdir(), 'n2n-bench-')) : undefined;
      const where: N2NServerOptions =
        folder === undefined ? { host: LOOPBACK, port: 0 } : { socketPath: join(folder, 'socket') };
      const strategy = new N2NServer({
        ...where,
        maxPayload,
        resumeWindow,
        transports,
        tls: tls ? serverCertificate() : undefined,
      });
      const server = await serveNest(EchoModule, { strategy }, (app) =>
        where.socketPath === undefined
          ? urlOf(app.unwrap<Server>().httpServer, tls ? 'https' : 'http')
          : `unix:${where.socketPath}`,
      );
      return {
        ...server,
        entries: () => serverEntries(strategy),
        async close() {
          await server.close();
          if (folder !== undefined) await rm(folder, { recursive: true });
        },
      };
    },

    async connect(url) {
      const client = new N2NClient({
        url,
        maxPayload,
        resumeWindow,
        transports,
        tls: tls ? authority() : undefined,
      });
      return { ...(await connectNest(client, pattern)), entries: () => clientEntries(client) };
    },
  };
}

/** What the server keeps for the calls of its clients, and its deduplicator of events. */
function serverEntries(server: N2NServer): string[] {
  const acceptor = fieldOf(fieldOf(server, 'host'), 'sessions');
  const sessions = [...(fieldOf(acceptor, 'sessions') as Set<object>)];
  return [...sessions.map((session) => fieldOf(session, 'peer')), fieldOf(server, 'deduplicator')].flatMap(
    entriesIn,
  );
}

/** What the client keeps for its calls, and those that wait for a connection. */
function clientEntries(client: N2NClient): string[] {
  const channel = fieldOf(client, 'channel');
  const sessions = fieldOf(fieldOf(fieldOf(channel, 'servers'), 'current'), 'sessions');
  return [fieldOf(sessions, 'peer'), fieldOf(fieldOf(channel, 'queue'), 'calls')].flatMap(entriesIn);
}
