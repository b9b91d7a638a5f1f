import { once } from 'node:events';
import { lastValueFrom } from 'rxjs';
import type { Socket as ServerSocket } from 'socket.io';
import { describe, expect, test } from 'vitest';
import type { CallProxy } from '../../src/call/call-proxy.js';
import { N2NRecordBuilder, type PeerClient } from '../../src/index.js';
import { beBusy, startAnsweringWorker, type AnsweringWorker } from '../support/busy.js';
import { deferred, HOST, proveNothingIsLeft } from '../support/harness.js';
import { outcomeOf } from '../support/outcome.js';
import { NO_HANDLERS, scripted } from '../support/scripted.js';
import { startClient, startService, type Builder, type Service } from '../support/service.js';
import { cutConnections, type Way } from '../support/ways.js';

/** A caller in this thread, and the handlers in another, which goes on while this one is busy. */
interface BusyCaller {
  readonly name: string;
  start(transport: string): Promise<{ caller: CallProxy; worker: AnsweringWorker }>;
}

export const BUSY_CALLERS: readonly BusyCaller[] = [
  {
    name: 'a client',
    async start(transport) {
      const worker = await startAnsweringWorker({ options: {} });
      const caller = startClient(`http://${HOST}:${worker.port}`, { transports: [transport] });
      await caller.connect();
      return { caller, worker };
    },
  },
  {
    name: 'a server',
    async start(transport) {
      const service = await startService(NO_HANDLERS);
      const worker = await startAnsweringWorker({ url: service.url, transport });
      return { caller: peerOf(service), worker };
    },
  },
];

function peerOf({ strategy }: Service): PeerClient {
  const [peer] = strategy.peers;
  if (peer === undefined) throw new Error('there is no peer');
  return peer;
}

const within = (timeout: number, data: unknown) => new N2NRecordBuilder(data).setTimeout(timeout).build();

/** A caller that was busy for longer than its timeout takes an answer that came meanwhile. */
export function describeBusyCallers(busy: BusyCaller, transport: string): void {
  describe(`calls of ${busy.name} that was busy, over ${transport}`, () => {
    proveNothingIsLeft();

    test('end with the answers that came in time', async () => {
      const { caller, worker } = await busy.start(transport);
      for (let call = 0; call < 5; call += 1) {
        const outcome = outcomeOf(caller.send('echo', within(100, call)));
        await worker.busyUntilAnswered(call + 1, 150);
        expect(await outcome).toEqual({ values: [call] });
      }
    });

    test('end with TIMEOUT where none came', async () => {
      const { caller, worker } = await busy.start(transport);
      const outcomes = ['never', 'echo'].map((pattern) => outcomeOf(caller.send(pattern, within(100, 1))));
      await worker.busyUntilAnswered(1, 150);
      const [never, echo] = await Promise.all(outcomes);
      expect(echo).toEqual({ values: [1] });
      expect(never?.error).toMatchObject({ code: 'TIMEOUT' });
    });

    test('end with answers of several reads, which have begun to come', async () => {
      const { caller, worker } = await busy.start(transport);
      const length = 3 * 1024 * 1024;
      const outcomes = [1, 2, 3].map(() => outcomeOf(caller.send('large', within(1000, length))));
      await worker.busyUntilAnswered(3, 1500);
      for (const { values, error } of await Promise.all(outcomes)) {
        expect(error).toBeUndefined();
        expect(values.map((value) => (value as Buffer).length)).toEqual([length]);
      }
    });
  });
}

/** Both sides of a connection in one thread, which is busy for longer than either of them waits. */
export function describeBusyConnections(way: Way): void {
  describe(`a process that was busy, and calls ${way.name}`, () => {
    proveNothingIsLeft();

    test('has its session afterwards, where the connection broke before', async () => {
      const release = deferred<string>();
      const begun = deferred<void>();
      const parts = scripted(() => {
        begun.resolve();
        return release.promise;
      });
      const ends = await way.start(parts, {
        both: { resumeWindow: 1000 },
        client: { reconnectionDelay: 5 },
      });
      const outcome = outcomeOf(ends.caller.send('call', 1));
      await begun.promise;
      const suspended = new Promise((resolve) => ends.client.on('disconnect', resolve));
      cutConnections(ends.service);
      await suspended;
      await beBusy(2000);
      release.resolve('went on');
      expect(await outcome).toEqual({ values: ['went on'] });
    });
  });
}

/** As above, for what a connection does by itself. */
export function describeBusyHandshakes(builder: Builder): void {
  describe(`a process that was busy, and its connections over ${builder.name}`, () => {
    proveNothingIsLeft();

    test('reads the pongs of its clients before it misses them', async () => {
      // The client waits for both together, and must not be the first to give up.
      const service = await startService(NO_HANDLERS, { heartbeatInterval: 1500, heartbeatTimeout: 1700 });
      const worker = await startAnsweringWorker({ url: service.url, transport: builder.name });
      const peer = peerOf(service);
      const socket: ServerSocket = peer.unwrap();
      const lost: unknown[] = [];
      socket.on('disconnect', (reason) => lost.push(reason));
      await pinged(socket);
      await worker.busyUntilPinged(1, 400);
      await pinged(socket);
      expect(await lastValueFrom(peer.send('echo', 1))).toBe(1);
      expect(lost).toEqual([]);
    });

    test('reads the pings of its server before it misses them', async () => {
      const worker = await startAnsweringWorker({
        options: { heartbeatInterval: 100, heartbeatTimeout: 20_000 },
      });
      const client = startClient(`http://${HOST}:${worker.port}`, {
        transports: [builder.name],
        heartbeatTimeout: 500,
      });
      const lost: unknown[] = [];
      client.on('disconnect', (reason: unknown) => lost.push(reason));
      await client.connect();
      await worker.busyUntilPinged(1, 800);
      expect(await lastValueFrom(client.send('echo', 1))).toBe(1);
      expect(lost).toEqual([]);
    });

    test.each([
      ['before the connection is there', 'connection'],
      ['before it has said HELLO', 'handshake'],
    ])('connects all the same, busy %s', async (_name, when) => {
      const service = await startService(
        scripted(() => 1),
        { handshakeTimeout: 1000 },
      );
      const client = startClient(service.url, {
        transports: [builder.name],
        connectTimeout: 1000,
        reconnect: false,
      });
      const accepted = once(service.io, 'connection');
      const connecting = client.connect();
      if (when === 'handshake') await accepted;
      await beBusy(2000);
      await connecting;
      expect(await lastValueFrom(client.send('call', 1))).toBe(1);
    });

    test('starts all the same, busy for longer than waitForFirstConnect', async () => {
      const service = await startService(NO_HANDLERS);
      const client = startClient(service.url, { transports: [builder.name], waitForFirstConnect: 1000 });
      const initialized = client.onModuleInit();
      await beBusy(2000);
      await initialized;
      expect(client.unwrap().connected).toBe(true);
    });
  });
}

/** Settles in the turn in which the server has pinged. */
async function pinged({ conn }: ServerSocket): Promise<void> {
  for (;;) {
    const [{ type }] = (await once(conn, 'packetCreate')) as [{ type: string }];
    if (type === 'ping') return;
  }
}
