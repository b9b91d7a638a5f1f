import { Controller } from '@nestjs/common';
import { EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { concat, from, lastValueFrom, NEVER, of, throwError, type Observable } from 'rxjs';
import { io, type Socket } from 'socket.io-client';
import { describe, expect, test } from 'vitest';
import type { N2NServerOptions } from '../../../src/index.js';
import { atEnd, deferred, proveNothingIsLeft } from '../../support/harness.js';
import { startClient, startService, type Service } from '../../support/service.js';

const MASKED = { status: 'error', message: 'Internal server error' };
let events: unknown[] = [];
let whenEvent = deferred<void>();
let whenStopped = deferred<void>();

@Controller()
class StockController {
  @MessagePattern('echo')
  echo(@Payload() value: unknown): unknown {
    return value;
  }

  @MessagePattern('several')
  several(): Observable<number> {
    return from([1, 2, 3]);
  }

  @MessagePattern('generator')
  async *generator(): AsyncGenerator<string> {
    yield 'first';
    yield 'last';
  }

  @MessagePattern('none')
  none(): Observable<never> {
    return from([]);
  }

  @MessagePattern('fail')
  fail(@Payload() how: string): string {
    if (how === 'text') throw new RpcException('refused');
    if (how === 'object') throw new RpcException({ status: 'error', message: 'no', code: 7 });
    throw new Error('secret');
  }

  @MessagePattern('fail late')
  failLate(): Observable<number> {
    return concat(
      of(1),
      throwError(() => new RpcException('late')),
    );
  }

  @MessagePattern('unencodable')
  unencodable(@Payload() how: string): unknown {
    if (how === 'bigint') return 1n;
    const value: Record<string, unknown> = {};
    value['self'] = value;
    return how === 'cycle' ? value : of(value);
  }

  @MessagePattern({ cmd: 'sum', kind: 'numbers' })
  sum(@Payload() numbers: number[]): number {
    return numbers.reduce((total, number) => total + number, 0);
  }

  @MessagePattern('error')
  named(@Payload() value: unknown): unknown {
    return ['handled', value];
  }

  @MessagePattern('endless')
  endless(): Observable<never> {
    return NEVER;
  }

  @EventPattern('happened')
  happened(@Payload() data: unknown): void {
    events.push(data);
    whenEvent.resolve();
  }

  @EventPattern('failing')
  failing(@Payload() _data: unknown): void {
    throw new Error('event gone wrong');
  }
}

async function start(options: N2NServerOptions = {}): Promise<{ service: Service; socket: Socket }> {
  const service = await startService({ controllers: [StockController] }, options);
  return { service, socket: await connect(service) };
}

async function connect({ url }: Service): Promise<Socket> {
  const socket = io(url, { transports: ['websocket'], reconnection: false, forceNew: true });
  atEnd(() => socket.disconnect());
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
  });
  return socket;
}

/** The answer, or the reason for which the connection went. A process that dies of a call gives neither. */
function ask(socket: Socket, ...call: [string, ...unknown[]]): Promise<unknown> {
  return new Promise((resolve) => {
    socket.once('disconnect', resolve);
    socket.emit(...call, (answer: unknown) => {
      socket.off('disconnect', resolve);
      resolve(answer);
    });
  });
}

describe('a stock Socket.IO client calls handlers', () => {
  proveNothingIsLeft();

  test.each([
    ['text'],
    [5],
    [null],
    [false],
    [{ a: [1, { b: null }] }],
    [Buffer.from([0, 255])],
    [{ f: Buffer.from('x') }],
  ])('and gets %j back', async (value) => {
    const { socket } = await start();
    expect(await ask(socket, 'echo', value)).toEqual(value);
  });

  test('the last value of several is the answer, and of none, none', async () => {
    const { socket } = await start();
    expect(await ask(socket, 'several', 1)).toBe(3);
    expect(await ask(socket, 'generator', 1)).toBe('last');
    // JSON has no `undefined`.
    expect(await ask(socket, 'none', 1)).toBeNull();
  });

  test('missing data are no value; several are a list', async () => {
    const { socket } = await start();
    expect(await ask(socket, 'echo')).toBeNull();
    expect(await ask(socket, 'echo', 1, 2)).toEqual([1, 2]);
  });

  test('object patterns are JSON, whatever the order of the keys', async () => {
    const { socket } = await start();
    for (const pattern of [
      { cmd: 'sum', kind: 'numbers' },
      { kind: 'numbers', cmd: 'sum' },
    ]) {
      expect(await ask(socket, JSON.stringify(pattern), [1, 2])).toBe(3);
    }
  });

  test('events reach their handlers, with bytes', async () => {
    const { socket } = await start();
    events = [];
    whenEvent = deferred();
    socket.emit('happened', { file: Buffer.from('abc') });
    await whenEvent.promise;
    expect(events).toEqual([{ file: Buffer.from('abc') }]);
  });

  test('beside N2N clients, on the same port', async () => {
    const { service, socket } = await start();
    const client = startClient(service.url);
    expect(
      await Promise.all([lastValueFrom(client.send('echo', 'n2n')), ask(socket, 'echo', 'stock')]),
    ).toEqual(['n2n', 'stock']);
  });
});

describe('errors, as the gateways of Nest shape them', () => {
  proveNothingIsLeft();

  test.each([
    ['text', { status: 'error', message: 'refused' }],
    ['object', { status: 'error', message: 'no', code: 7 }],
    ['anything else', MASKED],
  ])('%s', async (how, expected) => {
    const { socket } = await start();
    expect(await ask(socket, 'fail', how)).toEqual(expected);
  });

  test('after values, the error is the answer', async () => {
    const { socket } = await start();
    expect(await ask(socket, 'fail late', 1)).toEqual({ status: 'error', message: 'late' });
  });

  test.each(['bigint', 'cycle', 'cycle in an Observable'])(
    'an answer that cannot be encoded (%s) fails its own call',
    async (how) => {
      const { socket } = await start();
      expect(await ask(socket, 'unencodable', how)).toMatchObject({
        status: 'error',
        code: 'NOT_SERIALIZABLE',
        message: expect.stringMatching(/^The answer to "unencodable" .*(BigInt|back to itself)/) as unknown,
      });
      expect(await ask(socket, 'echo', 'after')).toBe('after');
    },
    5000,
  );

  test('an error in an event handler is logged, and costs nothing else', async () => {
    const { service, socket } = await start();
    socket.emit('failing', 1);
    expect(await service.log.line(/event gone wrong/)).toMatch(/^error/);
    expect(await ask(socket, 'echo', 'after')).toBe('after');
  });

  test('a client that goes stops the handlers of its calls', async () => {
    const { service, socket } = await start();
    whenStopped = deferred();
    service.strategy.setOnProcessingEndHook(() => whenStopped.resolve());
    const begun = deferred<void>();
    service.strategy.setOnProcessingStartHook((_transport, _context, done) => {
      void done();
      begun.resolve();
    });
    socket.emit('endless', 1, () => {});
    await begun.promise;
    await ask(socket, 'none', 1);
    whenStopped = deferred();
    socket.disconnect();
    await whenStopped.promise;
  });
});

describe('names are data', () => {
  proveNothingIsLeft();

  const nested = `${'{"a":'.repeat(15_000)}1${'}'.repeat(15_000)}`;

  test.each([
    ['__proto__', '__proto__'],
    ['constructor', 'constructor'],
    ['message', 'message'],
    ['toString', 'toString'],
    ['n2n', 'n2n'],
    ['an empty one', ''],
    ['70 KiB', 'x'.repeat(70 * 1024)],
    ['half of JSON', '{"a":'],
    ['JSON nested deeper than the stack', nested],
  ])('nobody handles %s: the caller is told, the connection stays', async (_name, pattern) => {
    const { service, socket } = await start();
    expect(await ask(socket, pattern, 1)).toMatchObject({ status: 'error', code: 'NO_HANDLER' });
    socket.emit(pattern, 1);
    expect(await ask(socket, 'echo', 'after')).toBe('after');
    expect(service.log.lines.filter((line) => line.startsWith('error'))).toHaveLength(1);
  });

  test('a handler may be named "error"', async () => {
    const { socket } = await start();
    expect(await ask(socket, 'error', 1)).toEqual(['handled', 1]);
    expect(await ask(socket, 'echo', 'after')).toBe('after');
  });

  test('"n2n" is one, too: what it carries is no chunk', async () => {
    const { service, socket } = await start();
    socket.emit('n2n', Buffer.from('these are no frames'));
    expect(await ask(socket, 'n2n', Buffer.from('nor these'))).toMatchObject({ code: 'NO_HANDLER' });
    expect(await ask(socket, 'echo', 'after')).toBe('after');
    expect(await service.log.line(/no matching event handler .*"n2n"/)).toMatch(/^error/);
  });

  test('a bare binary message ends the connection that sent it, and no other', async () => {
    const { service, socket } = await start();
    const other = await connect(service);
    const gone = new Promise((resolve) => socket.once('disconnect', resolve));
    socket.io.engine.send(Buffer.from('these are no frames'));
    await gone;
    expect(await ask(other, 'echo', 'after')).toBe('after');
  });
});

describe('more calls than may wait', () => {
  proveNothingIsLeft();

  test('are refused', async () => {
    const { socket } = await start({ maxInFlight: 1 });
    socket.emit('endless', 1, () => {});
    for (let index = 0; index < 64; index++) socket.emit('echo', index, () => {});
    expect(await ask(socket, 'echo', 'too many')).toMatchObject({ status: 'error', code: 'OVERLOADED' });
  });
});
