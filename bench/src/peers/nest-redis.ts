import { Transport } from '@nestjs/microservices';
import { brokerPeer } from './broker/broker-peer.js';

/** Nest's Redis transport with its defaults. The broker writes nothing to the disk. */
export const nestRedis = brokerPeer(
  {
    name: 'redis-server',
    args: (host, port) => ['--bind', host, '--port', String(port), '--save', '', '--appendonly', 'no'],
  },
  (host, port) => ({ transport: Transport.REDIS, options: { host, port } }),
);
