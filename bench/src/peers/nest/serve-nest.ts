import 'reflect-metadata';
import type { INestMicroservice, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import type { EchoServer } from '../peer.js';

/**
 * Starts an application on a transport.
 * @param addressOf tells where clients find it, once it listens
 */
export async function serveNest(
  module: Type,
  options: MicroserviceOptions,
  addressOf: (app: INestMicroservice) => string,
): Promise<EchoServer> {
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(module, {
    ...options,
    logger: ['error', 'warn'],
  });
  await app.listen();
  return { address: addressOf(app), close: () => app.close() };
}
