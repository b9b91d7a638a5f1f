import type { Server } from 'node:net';
import { ClientProxyFactory, Transport } from '@nestjs/microservices';
import { connectNest } from './nest/nest-connection.js';
import { serveNest } from './nest/serve-nest.js';
import { LOOPBACK, type Peer } from './peer.js';

/** Nest's own brokerless transport, with its defaults. */
export const nestTcp: Peer = {
  serve: () =>
    serveNest({ transport: Transport.TCP, options: { host: LOOPBACK, port: 0 } }, 'tcp', (app) =>
      app.unwrap<Server>(),
    ),

  connect(address) {
    const { hostname, port } = new URL(address);
    return connectNest(
      ClientProxyFactory.create({
        transport: Transport.TCP,
        options: { host: hostname, port: Number(port) },
      }),
    );
  },
};
