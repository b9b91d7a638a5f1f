import { Controller } from '@nestjs/common';
import { MessagePattern } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { freePort, HOST, proveNothingIsLeft } from '../../support/harness.js';
import { NO_HANDLERS } from '../../support/scripted.js';
import { startClient, startService } from '../../support/service.js';
import { hostOver } from '../../support/ways.js';

@Controller()
class WorkerController {
  @MessagePattern('work')
  work(): string {
    return 'done';
  }
}

describe.each(['nodeTransport', 'websocket'])('a client that hosts handlers, over %s', (transport) => {
  proveNothingIsLeft();

  test('does not give up: it is there when its server is, however many attempts have failed', async () => {
    const port = await freePort();
    const client = startClient(`http://${HOST}:${port}`, {
      transports: [transport],
      maxReconnectionAttempts: 2,
      reconnectionDelay: 1,
      maxReconnectionDelay: 5,
    });
    const fifth = new Promise<void>((resolve) => {
      client.on('reconnecting', (_delay: number, attempt: number) => {
        if (attempt === 5) resolve();
      });
    });
    await hostOver(client, { controllers: [WorkerController] });
    await fifth;
    const connected = new Promise((resolve) => client.on('connect', resolve));
    const { strategy } = await startService(NO_HANDLERS, { port, host: HOST });
    await connected;
    const [peer] = strategy.peers;
    expect(await firstValueFrom(peer.send('work', null))).toBe('done');
  });
});
