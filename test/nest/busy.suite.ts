import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { lastValueFrom } from 'rxjs';
import type { Socket as ServerSocket } from 'socket.io';
import { describe, expect, test } from 'vitest';
import type { CallProxy } from '../../src/call/call-proxy.js';
import type { PeerClient } from '../../src/index.js';
import { N2NRecordBuilder } from '../../src/index.js';
import { beBusy } from '../support/busy.js';
import { atEnd, deferred, proveNothingIsLeft, turn } from '../support/harness.js';
import { outcomeOf } from '../support/outcome.js';
import { scripted, NO_HANDLERS } from '../support/scripted.js';
import { startClient, startService, type Builder, type Service } from '../support/service.js';
import { startServiceProcess } from '../support/service-process.js';
import { cutConnections, type Way } from '../support/ways.js';

const HOSTING = fileURLToPath(new URL('fixtures/hosting-process.mjs', import.meta.url));

/** A caller in this process, and the handlers in another, which goes on while this one is busy. */
interface CallerOfProcess {
  readonly name: string;
  start(transport: string): Promise<CallProxy>;
}

export const CALLERS_OF_PROCESSES: readonly CallerOfProcess[] = [
  {
    name: 'a client',
    async start(transport) {
      const { port } = await startServiceProcess();
      const client = startClient(`http://127.0.0.1:${port}`, { transports: [transport] });
      await client.connect();
      return client;
    },
  },
  {
    name: 'a server',
    async start(transport) {
      return peerOfProcess(await startService(NO_HANDLERS), transport);
    },
  },
];

/** A client in a process of its own, as the service sees it. */
async function peerOfProcess({ url, strategy }: Service, transport: string): Promise<PeerClient> {
  const child = fork(HOSTING, [url, transport], { execArgv: [] });
  const exited = once(child, 'exit');
  atEnd(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  for (;;) {
    // Until it has said HELLO, it may be a stock client.
    const peer = [...strategy.peers].find(({ isStock }) => !isStock);
    if (peer !== undefined) return peer;
    await turn();
  }
}

/** A caller that was busy for longer than its timeout takes an answer that came meanwhile. */
export function describeBusyCallers(caller: CallerOfProcess, transport: string): void {
  describe(`calls of ${caller.name} that was busy, over ${transport}`, () => {
    proveNothingIsLeft();
    const within = (timeout: number, data: unknown) => new N2NRecordBuilder(data).setTimeout(timeout).build();

    test('end with the answers that came in time', async () => {
      const proxy = await caller.start(transport);
      await lastValueFrom(proxy.send('echo', 0));
      for (let call = 0; call < 5; call += 1) {
        const outcome = outcomeOf(proxy.send('echo', within(100, call)));
        await beBusy(250);
        expect(await outcome).toEqual({ values: [call] });
      }
    });

    test('end with TIMEOUT where there is no answer', async () => {
      const proxy = await caller.start(transport);
      const outcomes = ['never', 'echo'].map((pattern) => outcomeOf(proxy.send(pattern, within(100, 1))));
      await beBusy(250);
      const [never, echo] = await Promise.all(outcomes);
      expect(echo).toEqual({ values: [1] });
      expect(never?.error).toMatchObject({ code: 'TIMEOUT' });
    });

    test('end with an answer of several reads, which has begun to come', async () => {
      const proxy = await caller.start(transport);
      await lastValueFrom(proxy.send('echo', 0));
      const length = 3 * 1024 * 1024;
      const outcomes = [1, 2, 3].map(() => outcomeOf(proxy.send('large', within(100, length))));
      await beBusy(250);
      for (const { values, error } of await Promise.all(outcomes)) {
        expect(error).toBeUndefined();
        expect(values.map((value) => (value as Buffer).length)).toEqual([length]);
      }
    });
  });
}

/** Both sides of a connection in one process, which is busy for longer than either of them waits. */
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
        both: { resumeWindow: 100 },
        client: { reconnectionDelay: 5 },
      });
      const outcome = outcomeOf(ends.caller.send('call', 1));
      await begun.promise;
      const suspended = new Promise((resolve) => ends.client.on('disconnect', resolve));
      cutConnections(ends.service);
      await suspended;
      await beBusy(250);
      release.resolve('went on');
      expect(await outcome).toEqual({ values: ['went on'] });
    });
  });
}

/** As above, for what a connection does by itself. */
export function describeBusyHandshakes(builder: Builder): void {
  describe(`a process that was busy, and its connections over ${builder.name}`, () => {
    proveNothingIsLeft();

    test('reads the signs of life of its clients before it misses them', async () => {
      const service = await startService(NO_HANDLERS, { heartbeatInterval: 30, heartbeatTimeout: 100 });
      const peer = await peerOfProcess(service, builder.name);
      const lost: unknown[] = [];
      const socket = peer.unwrap<ServerSocket>();
      socket.on('disconnect', (reason) => lost.push(reason));
      for (let round = 0; round < 5; round += 1) {
        // Once it has pinged, it waits for the pong.
        await new Promise<void>((resolve) => {
          const { conn } = socket;
          conn.on('packetCreate', function onPacket({ type }) {
            if (type !== 'ping') return;
            conn.off('packetCreate', onPacket);
            resolve();
          });
        });
        await beBusy(250);
        expect(await lastValueFrom(peer.send('echo', round))).toBe(round);
      }
      expect(lost).toEqual([]);
    });

    test('reads the signs of life of its server before it misses them', async () => {
      const { port } = await startServiceProcess(0, { heartbeatInterval: 30, heartbeatTimeout: 5000 });
      const client = startClient(`http://127.0.0.1:${port}`, {
        transports: [builder.name],
        heartbeatTimeout: 100,
      });
      const lost: unknown[] = [];
      client.on('disconnect', (reason: unknown) => lost.push(reason));
      await client.connect();
      for (let round = 0; round < 5; round += 1) {
        await beBusy(250);
        expect(await lastValueFrom(client.send('echo', round))).toBe(round);
      }
      expect(lost).toEqual([]);
    });

    test.each([
      ['before the connection is there', 'connection'],
      ['before it has said HELLO', 'handshake'],
    ])('connects all the same, busy %s', async (_name, when) => {
      const service = await startService(
        scripted(() => 1),
        { handshakeTimeout: 100 },
      );
      const client = startClient(service.url, {
        transports: [builder.name],
        connectTimeout: 100,
        reconnect: false,
      });
      const accepted = once(service.io, 'connection');
      const connecting = client.connect();
      if (when === 'handshake') await accepted;
      await beBusy(250);
      await connecting;
      expect(await lastValueFrom(client.send('call', 1))).toBe(1);
    });

    test('starts all the same, busy for longer than waitForFirstConnect', async () => {
      const service = await startService(NO_HANDLERS);
      const client = startClient(service.url, { transports: [builder.name], waitForFirstConnect: 100 });
      const initialized = client.onModuleInit();
      await beBusy(250);
      await initialized;
      expect(client.unwrap().connected).toBe(true);
    });
  });
}
