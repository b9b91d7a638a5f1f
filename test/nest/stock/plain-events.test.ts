import { describe, expect, test } from 'vitest';
import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import { proveNothingIsLeft } from '../../support/harness.js';
import { startClient, startService } from '../../support/service.js';

@Controller()
class Echo {
  @MessagePattern('echo')
  echo(@Payload() data: unknown): unknown {
    return data;
  }
}

describe.each(['nodeTransport', 'websocket'] as const)(
  'plain events of an N2N client, over %s',
  (transport) => {
    proveNothingIsLeft();

    test.each(['n2n', 'echo'])('"%s" is refused, and costs no connection', async (event) => {
      const service = await startService({ controllers: [Echo] });
      const client = startClient(service.url, { transports: [transport] });
      await client.connect();
      const { socket } = client.unwrap();
      socket?.emit(event, Buffer.from('no frames'));
      const answer = await socket?.emitWithAck(event, Buffer.from('no frames'));
      expect(answer).toMatchObject({ status: 'error', code: 'NO_HANDLER' });
      expect(await lastValueFrom(client.send('echo', 1))).toBe(1);
      const warnings = service.log.lines.filter((line) => line.includes('was refused'));
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toMatch(/^warn/);
    });

    test('that the application listens to are its own', async () => {
      const service = await startService({ controllers: [Echo] });
      service.io.on('connection', (socket) => {
        socket.on('own', (value: unknown, acknowledge: (value: unknown) => void) => acknowledge([value]));
      });
      const client = startClient(service.url, { transports: [transport] });
      await client.connect();
      expect(await client.unwrap().socket?.emitWithAck('own', 1)).toEqual([1]);
    });
  },
);
