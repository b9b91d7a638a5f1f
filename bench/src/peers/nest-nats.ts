import { Transport } from '@nestjs/microservices';
import { brokerPeer } from './broker/broker-peer.js';

/** Nest's NATS transport with its defaults. The broker keeps messages in memory alone, which is its default. */
export const nestNats = brokerPeer(
  { name: 'nats-server', args: (host, port) => ['--addr', host, '--port', String(port)] },
  (host, port) => ({ transport: Transport.NATS, options: { servers: [`nats://${host}:${port}`] } }),
);
