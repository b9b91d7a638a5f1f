import type { Server } from 'socket.io';
import { N2NClient, N2NServer } from 'nestjs-n2n';
import { connectNest } from './nest/nest-connection.js';
import { serveNest } from './nest/serve-nest.js';
import { LOOPBACK, type Peer } from './peer.js';

/** This library, as its package exports it and with its defaults. */
export const n2n: Peer = {
  serve: () =>
    serveNest(
      { strategy: new N2NServer({ host: LOOPBACK, port: 0 }) },
      'http',
      (app) => app.unwrap<Server>().httpServer,
    ),

  connect: (address) => connectNest(new N2NClient({ url: address })),
};
