import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { lastValueFrom } from 'rxjs';
import { describe, expect, test } from 'vitest';
import type { CallProxy } from '../../src/call/call-proxy.js';
import { N2NRecordBuilder } from '../../src/index.js';
import { beBusy } from '../support/busy.js';
import { atEnd, deferred, proveNothingIsLeft, turn } from '../support/harness.js';
import { outcomeOf } from '../support/outcome.js';
import { scripted, NO_HANDLERS } from '../support/scripted.js';
import { startClient, startService, type Builder } from '../support/service.js';
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
      const service = await startService(NO_HANDLERS);
      const child = fork(HOSTING, [service.url, transport], { execArgv: [] });
      const exited = once(child, 'exit');
      atEnd(async () => {
        child.kill('SIGKILL');
        await exited;
      });
      const connected = once(service.io, 'connection');
      await connected;
      while (service.strategy.peers.size === 0) await turn();
      const [peer] = service.strategy.peers;
      if (peer === undefined) throw new Error('there is no peer');
      return peer;
    },
  },
];

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

    test('has them afterwards: it reads signs of life before it misses them', async () => {
      const { service, client } = await builder.start(
        NO_HANDLERS,
        { heartbeatInterval: 30, heartbeatTimeout: 40 },
        { heartbeatTimeout: 150 },
      );
      const lost: unknown[] = [];
      client.on('disconnect', (reason: unknown) => lost.push(reason));
      for (let round = 0; round < 5; round += 1) {
        await beBusy(200);
        await new Promise<void>((resolve) => client.unwrap().socket?.io.engine.once('ping', () => resolve()));
      }
      expect(lost).toEqual([]);
      expect(service.log.lines.filter((line) => line.includes('ping timeout'))).toEqual([]);
    });

    test.each([
      ['before the connection is there', 'connection'],
      ['before it has said HELLO', 'handshake'],
    ])('connects all the same, busy %s', async (_name, when) => {
      const service = await startService(scripted(() => 1), { handshakeTimeout: 100 });
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
