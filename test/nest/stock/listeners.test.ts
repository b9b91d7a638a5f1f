import { Controller } from '@nestjs/common';
import { EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { Manager, type Socket } from 'socket.io-client';
import { describe, expect, test } from 'vitest';
import { clientTransport } from '../../../src/transport/engine/transport-registry.js';
import { atEnd, proveNothingIsLeft } from '../../support/harness.js';
import { startClient, startService, type Service } from '../../support/service.js';
import { hostOver } from '../../support/ways.js';
import { NO_HANDLERS } from '../../support/scripted.js';

const handled: unknown[] = [];

@Controller()
class StockController {
  @MessagePattern('both')
  both(@Payload() value: unknown): unknown {
    return ['handled', value];
  }

  @EventPattern('event of both')
  event(@Payload() value: unknown): void {
    handled.push(value);
  }
}

const TRANSPORTS = ['nodeTransport', 'websocket'];

describe.each(TRANSPORTS)(
  'listeners that the application has put on the socket of a stock client, over %s',
  (transport) => {
    proveNothingIsLeft();

    async function start(): Promise<{ service: Service; socket: Socket; heard: unknown[] }> {
      const service = await startService({ controllers: [StockController] });
      const heard: unknown[] = [];
      service.strategy.unwrap().on('connection', (socket) => {
        socket.on('own', (value: unknown, answer?: (value: unknown) => void) => {
          heard.push(value);
          answer?.(['own', value]);
        });
        socket.once('once', (answer: (value: unknown) => void) => answer('once'));
        socket.on('both', (value: unknown) => heard.push(value));
        socket.on('event of both', (value: unknown) => heard.push(value));
      });
      const options: object = {
        path: '/socket.io/',
        transports: [clientTransport(transport)],
        reconnection: false,
      };
      const manager = new Manager(service.url, options);
      const socket = manager.socket('/');
      atEnd(() => socket.disconnect());
      return { service, socket, heard };
    }

    test('answer what has no handler, and no NO_HANDLER comes before them', async () => {
      const { service, socket, heard } = await start();
      expect(await socket.emitWithAck('own', 1)).toEqual(['own', 1]);
      socket.emit('own', 2);
      expect(await socket.emitWithAck('both', 3)).toEqual(['handled', 3]);
      expect(heard).toEqual([1, 2, 3]);
      expect(service.log.lines.filter((line) => /^(error|warn)/.test(line))).toEqual([]);
    });

    test('that are gone leave the event to the handlers again, of which there is none', async () => {
      const { socket } = await start();
      expect(await socket.emitWithAck('once')).toBe('once');
      expect(await socket.emitWithAck('once')).toMatchObject({ status: 'error', code: 'NO_HANDLER' });
      expect(await socket.emitWithAck('nobody')).toMatchObject({ status: 'error', code: 'NO_HANDLER' });
    });

    test('are called beside a handler, as in a gateway', async () => {
      const { socket, heard } = await start();
      handled.length = 0;
      socket.emit('event of both', 'x');
      await socket.emitWithAck('both', 'y');
      expect(heard).toEqual(['x', 'y']);
      expect(handled).toEqual(['x']);
    });
  },
);

describe.each(TRANSPORTS)('listeners on the socket of a client that hosts handlers, over %s', (transport) => {
  proveNothingIsLeft();

  test('have what the server broadcasts and no handler is there for; the rest is told', async () => {
    const service = await startService(NO_HANDLERS);
    const client = startClient(service.url, { transports: [transport] });
    const { log } = await hostOver(client, { controllers: [StockController] });
    await client.connect();
    const heard = new Promise((resolve) => client.unwrap().socket?.on('own', resolve));
    service.strategy.broadcast('own', 1);
    expect(await heard).toBe(1);
    service.strategy.broadcast('message', 2);
    expect(await log.line(/^error/)).toMatch(/event handler.*"message"/);
  });
});
