import type { Server } from 'node:net';
import { ClientProxyFactory, Transport } from '@nestjs/microservices';
import { urlOf } from '../listen.js';
import { LOOPBACK, type Peer } from '../peer.js';
import { authority, serverCertificate } from '../tls/certificate.js';
import { EchoModule } from './echo.module.js';
import { connectNest } from './nest-connection.js';
import { serveNest } from './serve-nest.js';

/** What differs from Nest's own brokerless transport with its defaults. */
interface NestTcpVariant {
  readonly tls?: boolean;
  /** Of the handler that echoes. */
  readonly pattern?: string;
}

export function nestTcpPeer({ tls = false, pattern }: NestTcpVariant = {}): Peer {
  return {
    serve: () =>
      serveNest(
        EchoModule,
        {
          transport: Transport.TCP,
          options: { host: LOOPBACK, port: 0, ...(tls ? { tlsOptions: serverCertificate() } : {}) },
        },
        (app) => urlOf(app.unwrap<Server>(), 'tcp'),
      ),

    connect(address) {
      const { hostname, port } = new URL(address);
      const client = ClientProxyFactory.create({
        transport: Transport.TCP,
        options: { host: hostname, port: Number(port), ...(tls ? { tlsOptions: authority() } : {}) },
      });
      return connectNest(client, pattern);
    },
  };
}
