import { BadRequestException, Controller } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientTCP,
  EventPattern,
  MessagePattern,
  Payload,
  RpcException,
  Transport,
} from '@nestjs/microservices';
import { EMPTY, from, of, throwError, concat } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { atEnd, HOST, portOf, proveNothingIsLeft } from '../support/harness.js';
import { outcomeOf, type Outcome } from '../support/outcome.js';
import { recordingLogger } from '../support/recording-logger.js';
import { moduleOf, startClient, startService } from '../support/service.js';
import type { Server } from 'node:net';

class OwnError extends Error {}

/** What a handler throws or gives, by the name of the test. */
const THROWN: Record<string, () => unknown> = {
  'an RpcException of a text': () => new RpcException('x'),
  'an RpcException of an empty text': () => new RpcException(''),
  'an RpcException of an object': () => new RpcException({ code: 5, nested: { why: ['a'] } }),
  'an RpcException of an array': () => new RpcException(['a', 'b']),
  'an RpcException of a Date within': () => new RpcException({ at: new Date(0) }),
  'an Error': () => new Error('secret'),
  'an Error of a class of its own': () => new OwnError('secret'),
  'an HttpException': () => new BadRequestException('bad'),
  'an AggregateError': () => new AggregateError([new Error('a')]),
  'a text': () => 'text',
  'an empty text': () => '',
  'a number': () => 5,
  null: () => null,
  undefined: () => undefined,
  'a plain object': () => ({ status: 'error', message: 'plain' }),
  'an object with a message': () => ({ message: 'plain' }),
};

const RETURNED: Record<string, () => unknown> = {
  undefined: () => undefined,
  null: () => null,
  'an empty text': () => '',
  zero: () => 0,
  false: () => false,
  NaN: () => NaN,
  'a Date': () => new Date(0),
  'a nested object': () => ({ a: { b: [1, { c: null }] } }),
  'undefined members': () => ({ a: undefined, b: [undefined] }),
  'an array': () => [1, 'two', null],
  'an empty Observable': () => EMPTY,
  'an Observable of one': () => of(1),
  'an Observable of several': () => from([1, null, 'x', false]),
  'an Observable of arrays': () => from([[1], []]),
  'an Observable that fails late': () =>
    concat(
      of(1, 2),
      throwError(() => new RpcException('late')),
    ),
  'a Promise of an Observable': () => Promise.resolve(from([1, 2])),
};

@Controller()
class BothController {
  @MessagePattern('throw')
  throwing(@Payload() name: string): unknown {
    throw THROWN[name]?.();
  }

  @MessagePattern('reject')
  async rejecting(@Payload() name: string): Promise<unknown> {
    throw THROWN[name]?.();
  }

  @MessagePattern('error')
  erroring(@Payload() name: string): unknown {
    return throwError(() => THROWN[name]?.());
  }

  @MessagePattern('return')
  returning(@Payload() name: string): unknown {
    return RETURNED[name]?.();
  }

  @MessagePattern('bytes')
  bytes(): Buffer {
    return Buffer.from([1, 2]);
  }

  @EventPattern('event')
  event(@Payload() _data: unknown): string {
    return 'from an event handler';
  }
}

const PARTS = { controllers: [BothController] };

/** The same call over Nest's TCP transport and over this one. */
async function overBoth(pattern: string, data: unknown): Promise<{ tcp: Outcome; n2n: Outcome }> {
  const app = await NestFactory.createMicroservice(moduleOf(PARTS), {
    transport: Transport.TCP,
    options: { host: HOST, port: 0 },
    logger: recordingLogger(),
  });
  atEnd(() => app.close());
  await app.listen();
  const client = new ClientTCP({ host: HOST, port: portOf(app.unwrap<Server>()) });
  atEnd(() => client.close());
  const service = await startService(PARTS);
  const tcp = await outcomeOf(client.send(pattern, data));
  return { tcp, n2n: await outcomeOf(startClient(service.url).send(pattern, data)) };
}

describe('what a caller gets of an error is what it gets over TCP', () => {
  proveNothingIsLeft();

  test.each(
    ['throw', 'reject', 'error'].flatMap((how) => Object.keys(THROWN).map((name) => [how, name] as const)),
  )('%s %s', async (pattern, name) => {
    const { tcp, n2n } = await overBoth(pattern, name);
    expect('error' in tcp).toBe(true);
    expect(n2n).toEqual(tcp);
  });
});

describe('what a caller gets of a value is what it gets over TCP', () => {
  proveNothingIsLeft();

  test.each(Object.keys(RETURNED))('%s', async (name) => {
    const { tcp, n2n } = await overBoth('return', name);
    expect(n2n).toEqual(tcp);
  });

  test('an event handler that is called as a message handler answers, too', async () => {
    const { tcp, n2n } = await overBoth('event', 1);
    expect(n2n).toEqual(tcp);
  });
});

describe('what differs by design', () => {
  proveNothingIsLeft();

  test('bytes arrive as bytes; TCP makes JSON of them', async () => {
    const { tcp, n2n } = await overBoth('bytes', 1);
    expect(tcp.values).toEqual([{ type: 'Buffer', data: [1, 2] }]);
    expect(n2n.values).toEqual([Buffer.from([1, 2])]);
  });

  test('a missing handler is an N2NError, with the text of TCP in front', async () => {
    const { tcp, n2n } = await overBoth('nobody', 1);
    expect(tcp.error).toBe('There is no matching message handler defined in the remote service.');
    expect(n2n.error).toMatchObject({ code: 'NO_HANDLER' });
    expect((n2n.error as Error).message).toContain(
      'There is no matching message handler defined in the remote service',
    );
  });
});
