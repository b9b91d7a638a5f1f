import { ClientProxyFactory, type NatsOptions, type RedisOptions } from '@nestjs/microservices';
import { EchoModule } from '../nest/echo.module.js';
import { connectNest } from '../nest/nest-connection.js';
import { serveNest } from '../nest/serve-nest.js';
import { LOOPBACK, type Peer } from '../peer.js';
import { startBroker, type BrokerProgram } from './broker.js';

/**
 * One of Nest's transports over a broker, which runs beside the server's process and is no part of its CPU time.
 * @param optionsFor of both sides
 */
export function brokerPeer(
  program: BrokerProgram,
  optionsFor: (host: string, port: number) => NatsOptions | RedisOptions,
): Peer {
  return {
    async serve() {
      const broker = await startBroker(program);
      const { port } = broker;
      const server = await serveNest(EchoModule, optionsFor(LOOPBACK, port), () => String(port));
      return {
        ...server,
        helpers: [broker.pid],
        async close() {
          await server.close();
          await broker.stop();
        },
      };
    },

    connect: (port) => connectNest(ClientProxyFactory.create(optionsFor(LOOPBACK, Number(port)))),
  };
}
