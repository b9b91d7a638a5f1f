import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { describe, expect, test } from 'vitest';
import type { N2NClientEvents } from '../../../src/index.js';
import { freePort, proveNothingIsLeft, turn } from '../../support/harness.js';
import { BUILDERS, startClient } from '../../support/service.js';

const EVENTS: readonly (keyof N2NClientEvents)[] = [
  'connect',
  'disconnect',
  'reconnecting',
  'reconnect',
  'reconnect-failed',
  'error',
];

@Controller()
class EchoController {
  @MessagePattern('echo')
  echo(@Payload() value: unknown): unknown {
    return value;
  }
}

describe.each(BUILDERS)('close() of a client, over $name', (builder) => {
  proveNothingIsLeft();

  test('is one disconnect with its reason, and nothing else', async () => {
    const { client } = await builder.start({ controllers: [EchoController] });
    await firstValueFrom(client.send('echo', 1));
    const events: unknown[][] = [];
    for (const event of EVENTS) client.on(event, (...told) => events.push([event, ...told]));
    await client.close();
    for (let turns = 0; turns < 20; turns += 1) await turn();
    expect(events).toEqual([['disconnect', 'io client disconnect']]);
  });

  test('while nothing can be reached ends the attempts, and tells nothing', async () => {
    const client = startClient(`http://127.0.0.1:${await freePort()}`, { transports: [builder.name] });
    await expect(client.connect()).rejects.toMatchObject({ code: 'CONNECT_FAILED' });
    const events: unknown[][] = [];
    for (const event of EVENTS) client.on(event, (...told) => events.push([event, ...told]));
    await client.close();
    for (let turns = 0; turns < 20; turns += 1) await turn();
    expect(events).toEqual([]);
    expect(client.unwrap()).toMatchObject({ connected: false, connecting: false, reconnecting: false });
  });

  test('leaves a client that can be used again', async () => {
    const { client } = await builder.start({ controllers: [EchoController] });
    expect(await firstValueFrom(client.send('echo', 1))).toBe(1);
    await client.close();
    await client.connect();
    expect(await firstValueFrom(client.send('echo', 2))).toBe(2);
  });
});
