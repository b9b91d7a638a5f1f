import 'reflect-metadata';
import type { Server } from 'node:net';
import type { INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { urlOf } from '../listen.js';
import type { EchoServer } from '../peer.js';
import { EchoModule } from './echo.module.js';

/**
 * Starts the echo application on a transport.
 * @param listener finds the listening socket, which knows what port 0 became
 */
export async function serveNest(
  options: MicroserviceOptions,
  scheme: string,
  listener: (app: INestMicroservice) => Pick<Server, 'address'>,
): Promise<EchoServer> {
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(EchoModule, {
    ...options,
    logger: ['error', 'warn'],
  });
  await app.listen();
  return { address: urlOf(listener(app), scheme), close: () => app.close() };
}
