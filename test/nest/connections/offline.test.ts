import { once } from 'node:events';
import { Readable } from 'node:stream';
import { Logger } from '@nestjs/common';
import { lastValueFrom } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { N2NRecordBuilder, type N2NClient, type OfflinePolicy } from '../../../src/index.js';
import { freePort, HOST, proveNothingIsLeft, turn } from '../../support/harness.js';
import { n2nErrorOf } from '../../support/outcome.js';
import { recordingLogger } from '../../support/recording-logger.js';
import { scripted } from '../../support/scripted.js';
import { startClient, startService } from '../../support/service.js';

/** A client of a service that is away. */
async function lonelyClient(offline: OfflinePolicy | undefined): Promise<N2NClient> {
  return startClient(`http://${HOST}:${await freePort()}`, { reconnectionDelay: 60_000, offline });
}

const as = (offline: OfflinePolicy): unknown => new N2NRecordBuilder(1).setOffline(offline).build();

describe('without a connection', () => {
  proveNothingIsLeft();

  test('"reject" fails calls and events at once, and goes on to connect', async () => {
    const client = await lonelyClient('reject');
    const error = await n2nErrorOf(client.send('echo', 1), 'CONNECT_FAILED');
    expect(error).toMatchObject({ retryable: true, message: expect.stringMatching(/offline/) as unknown });
    await n2nErrorOf(client.emit('event', 1), 'CONNECT_FAILED');
    const { connecting, reconnecting } = client.unwrap();
    expect(connecting || reconnecting).toBe(true);
  });

  test.each([undefined, 'buffer'] as const)('%s lets them wait', async (offline) => {
    const client = await lonelyClient(offline);
    const waiting = [client.send('echo', 1), client.emit('event', 1)].map((one) => n2nErrorOf(one, 'CLOSED'));
    void client.close();
    await Promise.all(waiting);
  });

  test('a call has its own say, whatever the client says', async () => {
    const buffering = await lonelyClient('buffer');
    await n2nErrorOf(buffering.send('echo', as('reject')), 'CONNECT_FAILED');
    const rejecting = await lonelyClient('reject');
    const waiting = n2nErrorOf(rejecting.send('echo', as('buffer')), 'CLOSED');
    void rejecting.close();
    await waiting;
  });

  test.each(['never', '', 0])('the policy %j is none', async (offline) => {
    const client = await lonelyClient('buffer');
    const { message } = await n2nErrorOf(
      client.send('echo', as(offline as OfflinePolicy)),
      'INVALID_OPTIONS',
    );
    expect(message).toMatch(/"offline".*"buffer" or "reject"/);
    await n2nErrorOf(client.emit('event', as(offline as OfflinePolicy)), 'INVALID_OPTIONS');
  });

  test('an event that is made for a call waits no longer than that goes on', async () => {
    const client = await lonelyClient('buffer');
    const controller = new AbortController();
    const scope = { getDeadline: () => undefined, getSignal: () => controller.signal };
    const event = n2nErrorOf(
      client.emit('event', new N2NRecordBuilder(1).within(scope).build()),
      'CANCELLED',
    );
    controller.abort();
    await event;
  });

  test('what waits in vain says why, and so does the log', async () => {
    const port = await freePort();
    const log = recordingLogger();
    const client = startClient(`http://${HOST}:${port}`, { logging: true, logger: log });
    const record = new N2NRecordBuilder(1).setTimeout(200).build();
    const { message, cause } = await n2nErrorOf(client.send('echo', record), 'TIMEOUT');
    expect(message).toMatch(/for a connection: Cannot connect to .*ECONNREFUSED/);
    expect(cause).toMatchObject({ code: 'CONNECT_FAILED' });
    expect(await log.line(/^error Cannot connect to .*ECONNREFUSED/)).toBeDefined();
  });

  test('metadata takes room as well', async () => {
    const client = startClient(`http://${HOST}:${await freePort()}`, { maxBufferedBytes: 1000 });
    const record = new N2NRecordBuilder(1).setHeaders({ text: 'x'.repeat(1000) }).build();
    await n2nErrorOf(client.send('echo', record), 'OVERLOADED');
  });
});

type NeverLeaves = (client: N2NClient, data: unknown) => unknown;

const given = (data: unknown): N2NRecordBuilder => new N2NRecordBuilder(data);
const aborted = { getDeadline: () => undefined, getSignal: () => AbortSignal.abort() };

const NEVER_LEAVE: Record<string, NeverLeaves> = {
  'is refused': (client, data) =>
    n2nErrorOf(client.send('echo', given(data).setOffline('reject').build()), 'CONNECT_FAILED'),
  'is cancelled while it waits': (client, data) => client.send('echo', data).subscribe().unsubscribe(),
  'is left while it waits': async (client, data) => {
    const answers = client.stream('echo', data);
    const first = answers.next();
    await answers.return?.();
    expect(await first).toMatchObject({ done: true });
  },
  'waits too long': (client, data) =>
    n2nErrorOf(client.send('echo', given(data).setTimeout(50).build()), 'TIMEOUT'),
  'waits until the client is closed': (client, data) => {
    const call = n2nErrorOf(client.send('echo', data), 'CLOSED');
    void client.close();
    return call;
  },
  'is made once the client is closed': async (client, data) => {
    await client.close();
    await n2nErrorOf(client.send('echo', data), 'CLOSED');
  },
  'finds no room': (client, data) => {
    const headers = { text: 'x'.repeat(32 * 1024 * 1024) };
    return n2nErrorOf(client.send('echo', given(data).setHeaders(headers).build()), 'OVERLOADED');
  },
  'has a setting that is wrong': (client, data) =>
    n2nErrorOf(client.send('echo', given(data).setTimeout(-1).build()), 'INVALID_OPTIONS'),
  'is made within one that is over': (client, data) =>
    n2nErrorOf(client.send('echo', given(data).within(aborted).build()), 'CANCELLED'),
  'is an event': (client, data) => n2nErrorOf(client.emit('event', data), 'NOT_SERIALIZABLE'),
  'is an event in a record': (client, data) =>
    n2nErrorOf(client.emit('event', given(data).acknowledged().build()), 'NOT_SERIALIZABLE'),
};

describe.each(Object.entries(NEVER_LEAVE))('the payload of a call that %s', (_how, act) => {
  proveNothingIsLeft();

  test.each([undefined, { serialize: (packet: unknown) => packet }])(
    'is let go where it is a stream (serializer: %j)',
    async (serializer) => {
      const options = { reconnectionDelay: 60_000, serializer };
      const url = `http://${HOST}:${await freePort()}`;
      const readable = new Readable({ read: () => {} });
      const closed = once(readable, 'close');
      await act(startClient(url, options), readable);
      await closed;
      const values = (async function* (): AsyncGenerator<number> {
        yield await Promise.resolve(1);
      })();
      await act(startClient(url, options), values);
      await turn();
      expect(await values.next()).toEqual({ done: true, value: undefined });
    },
  );
});

test('the payload of a call that never leaves is told of where it cannot be let go', async () => {
  const log = recordingLogger();
  Logger.overrideLogger(log);
  const client = await lonelyClient('reject');
  const refuses = { next: () => new Promise(() => {}), return: () => Promise.reject(new Error('no way')) };
  const breaks = (): never => {
    throw new Error('no iterator');
  };
  await n2nErrorOf(client.send('echo', { [Symbol.asyncIterator]: () => refuses }), 'CONNECT_FAILED');
  await n2nErrorOf(client.send('echo', { [Symbol.asyncIterator]: breaks }), 'CONNECT_FAILED');
  await log.line(/^error The payload of "echo" failed when it was stopped: no way/);
  await log.line(/^error The payload of "echo" failed when it was stopped: no iterator/);
});

describe('when the connection is there, what has waited', () => {
  proveNothingIsLeft();

  /** A client that is about to connect, and what its service handles. */
  async function eagerClient(): Promise<{ client: N2NClient; handled: unknown[] }> {
    const handled: unknown[] = [];
    const note = (data: unknown): void => void handled.push(data);
    const { url } = await startService(scripted(note, note));
    return { client: startClient(url), handled };
  }

  test.each(['buffer', 'reject'] as const)(
    'comes before what is made as a part of it is written (offline: %s)',
    async (offline) => {
      const { client, handled } = await eagerClient();
      const first = client.emit('event', 'first');
      client.emit('event', 'second');
      first.subscribe({
        complete: () => client.emit('event', new N2NRecordBuilder('third').setOffline(offline).build()),
      });
      await lastValueFrom(client.send('call', 'last'), { defaultValue: undefined });
      await lastValueFrom(client.send('echo', 1));
      expect(handled).toEqual(['first', 'second', 'last', 'third']);
    },
  );

  test('is not made where it was cancelled before its turn', async () => {
    const { client, handled } = await eagerClient();
    const first = client.emit('event', 'first');
    const cancelled = client.send('call', 'cancelled').subscribe();
    first.subscribe({ complete: () => cancelled.unsubscribe() });
    await lastValueFrom(client.send('echo', 1));
    expect(handled).toEqual(['first']);
  });

  test('fails where the client is closed before its turn', async () => {
    const { client, handled } = await eagerClient();
    const statuses: string[] = [];
    client.status.subscribe((status) => statuses.push(status));
    const closed = new Promise((resolve) => {
      client.emit('event', 'first').subscribe({ complete: () => resolve(client.close()) });
    });
    await n2nErrorOf(client.send('call', 'second'), 'CLOSED');
    await closed;
    expect(handled).toEqual(['first']);
    expect(statuses).toEqual(['connected', 'draining', 'disconnected']);
  });
});
