import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Controller } from '@nestjs/common';
import { EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { describe, expect, test } from 'vitest';
import type { N2NClient, N2NServerOptions } from '../../../src/index.js';
import { FrameType } from '../../../src/protocol/frames/frame.js';
import { createAuthority } from '../../support/certificates.js';
import { atEnd, portOf, proveNothingIsLeft } from '../../support/harness.js';
import { greetedClient } from '../../support/raw/client.js';
import { startClient, startService, type Service } from '../../support/service.js';

const authority = createAuthority();
const keys = authority.issue('localhost');

const seen: unknown[] = [];

@Controller()
class EventsController {
  @MessagePattern('echo')
  echo(@Payload() value: unknown): unknown {
    return value;
  }

  @EventPattern('event')
  onEvent(@Payload() value: unknown): void {
    seen.push(value);
  }
}

interface Place {
  readonly name: string;
  start(transport: string, options: N2NServerOptions): Promise<{ service: Service; client: N2NClient }>;
}

const parts = { controllers: [EventsController] };

const PLACES: Place[] = [
  {
    name: 'TLS',
    async start(transport, options) {
      const service = await startService(parts, { tls: keys, host: 'localhost', ...options });
      const url = `https://localhost:${portOf(service.io.httpServer)}`;
      return { service, client: startClient(url, { transports: [transport], tls: { ca: authority.ca } }) };
    },
  },
  {
    name: 'a Unix socket',
    async start(transport, options) {
      const directory = await mkdtemp(join(tmpdir(), 'n2n-'));
      atEnd(() => rm(directory, { recursive: true }));
      const socketPath = join(directory, 'n2n.sock');
      const service = await startService(parts, { socketPath, ...options });
      return { service, client: startClient(`unix:${socketPath}`, { transports: [transport] }) };
    },
  },
  {
    name: 'TCP',
    async start(transport, options) {
      const service = await startService(parts, options);
      return { service, client: startClient(service.url, { transports: [transport] }) };
    },
  },
];

const WAYS = PLACES.flatMap((place) =>
  ['nodeTransport', 'websocket'].map((transport) => ({
    where: `${transport} over ${place.name}`,
    place,
    transport,
  })),
);

/** Half of `drainTimeout`, and of the window of a session: whoever waits for one of them fails. */
const LIMIT = { timeout: 5000 };

describe.each(WAYS)('closing, with $where', ({ place, transport }) => {
  proveNothingIsLeft();

  test('a service does not wait for a client that is idle', LIMIT, async () => {
    const { service, client } = await place.start(transport, { drainTimeout: 60_000 });
    expect(await firstValueFrom(client.send('echo', 1))).toBe(1);
    await service.app.close();
  });

  test('an event that is emitted just before close() of the client is handled', LIMIT, async () => {
    seen.length = 0;
    const { client } = await place.start(transport, {});
    await client.connect();
    const events = Array.from({ length: 100 }, (_, index) => ({ index, text: 'x'.repeat(1000) }));
    for (const event of events) client.emit('event', event);
    await client.close();
    expect(seen).toEqual(events);
  });
});

describe.each(['nodeTransport', 'websocket'] as const)('a service that closes, over %s', (transport) => {
  proveNothingIsLeft();

  test('does not wait for an idle client whose connection is lost meanwhile', LIMIT, async () => {
    const { app, io } = await startService(parts, { drainTimeout: 60_000 });
    const client = await greetedClient(portOf(io.httpServer), transport, {
      maxPayload: 100_000,
      window: 60_000,
    });
    const closed = app.close();
    await client.frame({ type: FrameType.GOAWAY });
    client.socket.destroy();
    await closed;
  });
});
