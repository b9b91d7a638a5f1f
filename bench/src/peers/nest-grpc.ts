import { fileURLToPath } from 'node:url';
import { Controller, Module } from '@nestjs/common';
import { ClientProxyFactory, GrpcMethod, Transport, type GrpcOptions } from '@nestjs/microservices';
import type { Observable } from 'rxjs';
import { freePort } from './listen.js';
import { tell } from './nest/nest-connection.js';
import { serveNest } from './nest/serve-nest.js';
import { LOOPBACK, type Peer } from './peer.js';

@Controller()
class EchoController {
  @GrpcMethod('Echo', 'Call')
  call(payload: object): object {
    return payload;
  }
}

@Module({ controllers: [EchoController] })
class GrpcEchoModule {}

interface EchoService {
  call(payload: unknown): Observable<unknown>;
}

/** Nest's gRPC transport with its defaults: HTTP/2 and Protocol Buffers. It has no events. */
export const nestGrpc: Peer = {
  async serve() {
    const url = `${LOOPBACK}:${await freePort()}`;
    return serveNest(GrpcEchoModule, optionsFor(url), () => url);
  },

  async connect(url) {
    const client = ClientProxyFactory.create(optionsFor(url));
    const service = client.getService<EchoService>('Echo');
    return {
      call: (payload, done) => tell(service.call(payload), done),
      async close() {
        client.close();
      },
    };
  },
};

function optionsFor(url: string): GrpcOptions & { transport: Transport.GRPC } {
  return {
    transport: Transport.GRPC,
    options: {
      url,
      package: 'bench',
      protoPath: fileURLToPath(new URL('../../proto/echo.proto', import.meta.url)),
      // Otherwise clients in one process share a connection.
      channelOptions: { 'grpc.use_local_subchannel_pool': 1 },
    },
  };
}
