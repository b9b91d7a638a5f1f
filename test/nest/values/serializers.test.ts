import { Controller } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  BaseRpcContext,
  ClientTCP,
  Ctx,
  EventPattern,
  MessagePattern,
  Payload,
  RpcException,
  Transport,
} from '@nestjs/microservices';
import { concat, concatMap, defer, from, ignoreElements } from 'rxjs';
import type { Server } from 'node:net';
import { describe, expect, test } from 'vitest';
import { N2NContext, type N2NClient } from '../../../src/index.js';
import { atEnd, HOST, portOf, proveNothingIsLeft, turn } from '../../support/harness.js';
import { outcomeOf } from '../../support/outcome.js';
import { recordingLogger } from '../../support/recording-logger.js';
import { PAIRS, watched, type Sides } from '../../support/serializers.js';
import { BUILDERS, moduleOf, type Parts } from '../../support/service.js';

/** Handlers, and the events that they were told. */
function parts(): Parts & { events: unknown[] } {
  const events: unknown[] = [];
  @Controller()
  class PacketController {
    @MessagePattern('echo')
    echo(@Payload() data: unknown): unknown {
      return data;
    }

    @MessagePattern({ cmd: 'object', a: 1 })
    object(@Payload() data: unknown): unknown {
      return ['object', data];
    }

    @MessagePattern('context')
    context(@Payload() _data: unknown, @Ctx() context: BaseRpcContext & { getPattern(): string }): unknown {
      const metadata: unknown =
        context instanceof N2NContext ? context.getMetadata() : context.getArgByIndex(2);
      return [context.getPattern(), metadata ?? null];
    }

    @MessagePattern('stream')
    stream(@Payload() data: unknown): unknown {
      // One in each turn, and the end in its own: over TCP, an end that is there already goes with the last value.
      const values = from([data, 2, null]).pipe(concatMap((value) => turn().then(() => value)));
      return concat(values, defer(turn).pipe(ignoreElements()));
    }

    @MessagePattern('nothing')
    nothing(): void {}

    @MessagePattern('fail')
    fail(@Payload() data: unknown): unknown {
      throw new RpcException({ failed: data });
    }

    @MessagePattern('crash')
    crash(): unknown {
      throw new Error('secret');
    }

    @EventPattern('event')
    event(@Payload() data: unknown): void {
      events.push(data);
    }

    @EventPattern({ a: 2, b: 1 })
    objectEvent(@Payload() data: unknown): void {
      events.push(['object', data]);
    }
  }
  return { controllers: [PacketController], events };
}

/** The same conversation over every transport. */
async function talk(client: ClientTCP | N2NClient, events: unknown[]): Promise<unknown> {
  client.setOnDispatchHook((packet) => {
    packet.metadata = { trace: 'abc' };
  });
  const outcomes: unknown[] = [];
  for (const [pattern, data] of [
    ['echo', { a: [1, 'é'] }],
    ['echo', 0],
    ['echo', ''],
    ['echo', 'why'],
    ['alias', 'by another name'],
    [{ a: 1, cmd: 'object' }, 1],
    ['stream', 1],
    ['nothing', 1],
    ['fail', 'why'],
    ['crash', 1],
    ['context', 1],
  ] as const) {
    const outcome = await outcomeOf(client.send(pattern, data));
    // A missing handler is told in another way: see side-by-side.test.ts.
    outcomes.push(pattern === 'alias' && 'error' in outcome ? 'no handler' : outcome);
  }
  client.emit('event', { told: 1 });
  client.emit({ b: 1, a: 2 }, { told: 2 });
  while (events.length < 2) await turn();
  return { outcomes, events };
}

async function overTcp({ client: ours, server }: Sides): Promise<unknown> {
  const { events, ...module } = parts();
  const app = await NestFactory.createMicroservice(moduleOf(module), {
    transport: Transport.TCP,
    options: { host: HOST, port: 0, ...server },
    logger: recordingLogger(),
  });
  atEnd(() => app.close());
  await app.listen();
  const client = new ClientTCP({ host: HOST, port: portOf(app.unwrap<Server>()), ...ours });
  atEnd(() => client.close());
  return talk(client, events);
}

describe.each(BUILDERS)('serializers do what they do over TCP, over $name', (builder) => {
  proveNothingIsLeft();

  test.each(Object.keys(PAIRS))('%s', async (name) => {
    const sides = PAIRS[name];
    if (sides === undefined) throw new Error('no such pair');
    const tcp = watched(sides());
    const expected = await overTcp(tcp);
    const n2n = watched(sides());
    const { events, ...module } = parts();
    const { client } = await builder.start(module, n2n.server, n2n.client);
    expect(await talk(client, events)).toEqual(expected);
    // An error of this library is not in packets: over TCP, that of a missing handler is.
    const withoutMissing = (seen: unknown[]): unknown[] =>
      seen.filter((packet) => !JSON.stringify(packet).includes('no matching message handler'));
    for (const [kind, seen] of Object.entries(tcp.seen)) {
      expect([kind, withoutMissing(n2n.seen[kind] ?? [])]).toEqual([kind, withoutMissing(seen)]);
    }
  });
});
