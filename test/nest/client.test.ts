import { Controller, Logger } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { lastValueFrom, NEVER, type Observable } from 'rxjs';
import { describe, expect, test, vi } from 'vitest';
import { N2NClient } from '../../src/index.js';
import { NodeClient } from '../../src/node.js';
import { atEnd, freePort, HOST, proveNothingIsLeft, turn } from '../support/harness.js';
import { asN2NError, n2nErrorOf, outcomeOf } from '../support/outcome.js';
import { startClient, startService } from '../support/service.js';
import { cutConnections } from '../support/ways.js';

@Controller()
class ClientTestController {
  @MessagePattern('echo')
  echo(@Payload() value: unknown): unknown {
    return value;
  }

  @MessagePattern('never')
  never(): Observable<never> {
    return NEVER;
  }
}

const PARTS = { controllers: [ClientTestController] };

/** A client of a service that is away. */
async function lonelyClient(options: ConstructorParameters<typeof N2NClient>[0] = {}): Promise<N2NClient> {
  return startClient(`http://${HOST}:${await freePort()}`, { reconnectionDelay: 60_000, ...options });
}

describe('a client', () => {
  proveNothingIsLeft();

  test('connects with the first call, and not before', async () => {
    const { url, io } = await startService(PARTS);
    const client = startClient(url);
    const statuses: string[] = [];
    client.status.subscribe((status) => statuses.push(status));
    expect([client.unwrap().connected, client.unwrap().connecting, statuses]).toEqual([false, false, []]);
    expect(await lastValueFrom(client.send('echo', 1))).toBe(1);
    expect([client.unwrap().connected, io.engine.clientsCount, statuses]).toEqual([true, 1, ['connected']]);
  });

  test('shows its NodeClient, and the events of it', async () => {
    const { url } = await startService(PARTS);
    const client = startClient(url);
    const connected = new Promise<void>((resolve) => client.on('connect', resolve));
    await client.connect();
    await connected;
    expect(client.unwrap()).toBeInstanceOf(NodeClient);
    expect(client.unwrap().transportName).toBe('nodeTransport');
  });

  test.each([true, false])('tells of a lost event in its own logger alone: logging %s', async (logging) => {
    const error = vi.spyOn(Logger.prototype, 'error');
    atEnd(() => error.mockRestore());
    const lines: string[] = [];
    const keep = (line: string): void => void lines.push(line);
    const logger = { log: keep, warn: keep, error: keep };
    const client = await lonelyClient({ reconnect: false, logging, logger });
    client.emit('saved', 1);
    await client.close();
    await turn();
    expect(lines.filter((line) => line.includes('The event "saved" was lost'))).toHaveLength(logging ? 1 : 0);
    expect(error).not.toHaveBeenCalled();
  });

  test('connects once, however many ask for it', async () => {
    const { url, io } = await startService(PARTS);
    const client = startClient(url);
    await Promise.all([
      client.connect(),
      client.connect(),
      lastValueFrom(client.send('echo', 1)),
      client.connect(),
    ]);
    expect(io.engine.clientsCount).toBe(1);
  });

  test.each([undefined, null])('refuses the pattern %s', async (pattern) => {
    const client = await lonelyClient();
    for (const outcome of [client.send(pattern, 1), client.emit(pattern, 1)]) {
      expect((await outcomeOf(outcome)).error).toMatchObject({
        message: expect.stringMatching(/invalid data or message pattern/) as unknown,
      });
    }
  });
});

describe('close', () => {
  proveNothingIsLeft();

  test('ends every call with CLOSED: under way, waiting, and later ones', async () => {
    const { url } = await startService(PARTS);
    const client = startClient(url, { drainTimeout: 0 });
    await client.connect();
    const underWay = n2nErrorOf(client.send('never', 1), 'CLOSED');
    void client.close();
    await underWay;
    await n2nErrorOf(client.send('echo', 1), 'CLOSED');
    await n2nErrorOf(client.emit('echo', 1), 'CLOSED');

    const lonely = await lonelyClient();
    const waiting = [
      n2nErrorOf(lonely.send('echo', 1), 'CLOSED'),
      n2nErrorOf(lonely.emit('echo', 1), 'CLOSED'),
    ];
    void lonely.close();
    await Promise.all(waiting);
  });

  test('is undone by connect', async () => {
    const { url } = await startService(PARTS);
    const client = startClient(url);
    await client.connect();
    void client.close();
    void client.close();
    await client.connect();
    expect(await lastValueFrom(client.send('echo', 'again'))).toBe('again');
  });

  test('has the last word: a connect() that waits for the end of one is undone by another', async () => {
    const { url } = await startService(PARTS);
    const client = startClient(url, { drainTimeout: 20 });
    await client.connect();
    const underWay = n2nErrorOf(client.send('never', 1), 'CLOSED');
    const closing = client.close();
    const connecting = client.connect().catch((error: unknown) => error);
    const closingAgain = client.close();
    await Promise.all([underWay, closing, closingAgain]);
    asN2NError(await connecting, 'CLOSED');
    const statuses: string[] = [];
    client.status.subscribe((status) => statuses.push(status));
    expect([client.unwrap().connecting, statuses]).toEqual([false, ['disconnected']]);
    await n2nErrorOf(client.send('echo', 1), 'CLOSED');
  });

  test('is the status "disconnected"; before the first connection there is none', async () => {
    const { url } = await startService(PARTS);
    const client = startClient(url);
    const statuses: string[] = [];
    client.status.subscribe((status) => statuses.push(status));
    expect(statuses).toEqual([]);
    await client.connect();
    await client.close();
    expect(statuses).toEqual(['connected', 'draining', 'disconnected']);
  });
});

describe('without a service', () => {
  proveNothingIsLeft();

  test('connect rejects with CONNECT_FAILED, which names the address', async () => {
    const client = await lonelyClient();
    const error: unknown = await client.connect().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(asN2NError(error, 'CONNECT_FAILED').message).toMatch(/http:\/\/127\.0\.0\.1:\d+.*Check/);
  });

  test('calls that wait fail when the client gives up; the next one begins anew', async () => {
    const client = await lonelyClient({ reconnect: false });
    await n2nErrorOf(client.send('echo', 1), 'CONNECT_FAILED');
    await n2nErrorOf(client.send('echo', 2), 'CONNECT_FAILED');
    await n2nErrorOf(client.emit('echo', 2), 'CONNECT_FAILED');
  });

  const GIVES_UP_SOON = { maxReconnectionAttempts: 2, reconnectionDelay: 1, maxReconnectionDelay: 1 };

  test('so they do after the last attempt to come back', async () => {
    const client = await lonelyClient(GIVES_UP_SOON);
    await n2nErrorOf(client.send('echo', 1), 'CONNECT_FAILED');
  });

  test('RECONNECT_FAILED where there was a connection, which did not come back', async () => {
    const service = await startService(PARTS);
    const client = startClient(service.url, GIVES_UP_SOON);
    await client.connect();
    const underWay = n2nErrorOf(client.send('never', 1), 'CONNECTION_LOST');
    const waiting = new Promise<unknown[]>((resolve) => {
      client.on('disconnect', () => {
        const made = [client.send('echo', 1), client.emit('echo', 1)];
        resolve(Promise.all(made.map((one) => n2nErrorOf(one, 'RECONNECT_FAILED'))));
      });
    });
    service.io.httpServer.close();
    cutConnections(service);
    const cause = expect.objectContaining({ code: 'CONNECT_FAILED' }) as unknown;
    const message = expect.stringMatching(/127\.0\.0\.1:.*ECONNREFUSED/) as unknown;
    for (const error of await waiting) expect(error).toMatchObject({ retryable: true, message, cause });
    expect((await underWay).message).toMatch(/ECONNREFUSED/);
    // Nothing has come back since the attempts began anew.
    await n2nErrorOf(client.send('echo', 1), 'CONNECT_FAILED');
  });

  test('which is told by the event reconnect-failed', async () => {
    const client = await lonelyClient(GIVES_UP_SOON);
    const seen: string[] = [];
    client.on('reconnecting', () => seen.push('reconnecting'));
    client.on('reconnect-failed', () => seen.push('reconnect-failed'));
    await outcomeOf(client.send('echo', 1));
    await turn();
    expect(seen).toEqual(['reconnecting', 'reconnecting', 'reconnect-failed']);
  });

  test('a call that waits longer than its timeout is TIMEOUT', async () => {
    const client = await lonelyClient({ timeout: 20 });
    const error = await n2nErrorOf(client.send('echo', 1), 'TIMEOUT');
    expect(error.message).toContain('waited 20 ms for a connection');
    await n2nErrorOf(client.emit('echo', 1), 'TIMEOUT');
  });

  test('more calls than may wait are OVERLOADED at once, the others stay', async () => {
    const client = await lonelyClient({ maxBuffered: 2 });
    const subscriptions = [client.send('echo', 1).subscribe({ error: () => {} })];
    const event = outcomeOf(client.emit('echo', 1));
    await n2nErrorOf(client.send('echo', 3), 'OVERLOADED');
    await n2nErrorOf(client.emit('echo', 3), 'OVERLOADED');
    // One that is cancelled makes room.
    subscriptions[0]?.unsubscribe();
    const last = n2nErrorOf(client.send('echo', 4), 'CLOSED');
    await n2nErrorOf(client.send('echo', 5), 'OVERLOADED');
    void client.close();
    await last;
    expect((await event).error).toMatchObject({ code: 'CLOSED' });
  });

  test('more bytes than may wait are, too', async () => {
    const client = await lonelyClient({ maxBufferedBytes: 1000 });
    const first = n2nErrorOf(client.send('echo', Buffer.alloc(900)), 'CLOSED');
    await n2nErrorOf(client.send('echo', 'x'.repeat(100)), 'OVERLOADED');
    await n2nErrorOf(client.send('echo', { a: Buffer.alloc(100) }), 'OVERLOADED');
    const small = n2nErrorOf(client.send('echo', 1), 'CLOSED');
    void client.close();
    await Promise.all([first, small]);
  });

  test('room for none makes every call OVERLOADED', async () => {
    const client = await lonelyClient({ maxBuffered: 0 });
    await n2nErrorOf(client.send('echo', 1), 'OVERLOADED');
  });
});

describe('a service that is busy', () => {
  proveNothingIsLeft();

  test('refuses calls beyond those that may wait, and drops events, which it logs', async () => {
    const service = await startService(PARTS, { maxInFlight: 1 });
    const client = startClient(service.url, { drainTimeout: 0 });
    const waiting = Array.from({ length: 65 }, () => n2nErrorOf(client.send('never', 1), 'CLOSED'));
    await n2nErrorOf(client.send('echo', 'too many'), 'OVERLOADED');
    client.emit('too many', 1);
    // A refused call behind the event shows that the event has come by the time of its answer.
    await n2nErrorOf(client.send('echo', 'too many'), 'OVERLOADED');
    const lines = service.log.lines.join('\n');
    void client.close();
    await Promise.all(waiting);
    expect(lines).toMatch(/(warn|error) .*too many/);
  });
});
