import { createServer, connect, type Server, type Socket } from 'node:net';
import { firstValueFrom } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { N2NClient } from '../../src/index.js';
import { atEnd, deferred, HOST, portOf, proveNothingIsLeft } from '../support/harness.js';
import { recordingLogger } from '../support/recording-logger.js';
import { NO_HANDLERS, scripted } from '../support/scripted.js';
import { startClient, startService } from '../support/service.js';

/** A network in between, which can swallow what goes to the service, break, and end. */
interface Network {
  readonly url: string;
  swallows: boolean;
  break(): void;
  end(): Promise<void>;
}

async function networkTo(url: string): Promise<Network> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((near) => {
    const far = connect(Number(new URL(url).port), HOST);
    near.on('data', (data) => network.swallows || far.write(data));
    far.on('data', (data) => near.write(data));
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        near.destroy();
        far.destroy();
        sockets.delete(socket);
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const network: Network = {
    url: `http://${HOST}:${portOf(server)}`,
    swallows: false,
    break: () => {
      for (const socket of sockets) socket.destroy();
    },
    end: async () => {
      const ended = new Promise<void>((resolve) => server.close(() => resolve()));
      network.break();
      await ended;
    },
  };
  atEnd(() => network.end().catch(() => {}));
  return network;
}

const SOON = { reconnectionDelay: 20, randomizationFactor: 0, maxReconnectionAttempts: Infinity };

/** Below `drainTimeout` and the window of a session: whoever waits for one of them fails. */
const LIMIT = { timeout: 8000 };
const PATIENT = { drainTimeout: 60_000, resumeWindow: 60_000 };

describe.each(['nodeTransport', 'websocket'])(
  'what was written when the network broke, over %s',
  (transport) => {
    proveNothingIsLeft();

    async function lostEvent(options = {}) {
      const handled: unknown[] = [];
      const service = await startService(
        scripted(
          () => 1,
          (data: unknown) => handled.push(data),
        ),
        PATIENT,
      );
      const network = await networkTo(service.url);
      const log = recordingLogger();
      const client = new N2NClient({
        url: network.url,
        transports: [transport],
        logger: log,
        ...SOON,
        ...PATIENT,
        ...options,
      });
      atEnd(() => client.close());
      await client.connect();
      network.swallows = true;
      await firstValueFrom(client.emit('event', 'paid'));
      const gone = new Promise((resolve) => client.on('disconnect', resolve));
      network.break();
      await gone;
      return { client, network, log, handled };
    }

    test('an event arrives before close() of the client has ended', LIMIT, async () => {
      const { client, network, handled, log } = await lostEvent();
      network.swallows = false;
      await client.close();
      expect(handled).toEqual(['paid']);
      expect(log.lines.filter((line) => /may not have arrived/.test(line))).toEqual([]);
    });

    test(
      'an event that cannot arrive any more is reported as lost, once, at drainTimeout',
      LIMIT,
      async () => {
        const { client, handled, log } = await lostEvent({ drainTimeout: 200 });
        await client.close();
        expect(handled).toEqual([]);
        expect(log.lines.filter((line) => /may not have arrived/.test(line))).toEqual([
          expect.stringMatching(
            /^warn An event or answer for http:\/\/127\.0\.0\.1:\d+ may not have arrived\./,
          ),
        ]);
      },
    );

    test('an event is reported as soon as nobody listens at the address any more', LIMIT, async () => {
      const { client, network, log } = await lostEvent();
      await network.end();
      await client.close();
      await log.line(/^warn An event or answer for .* may not have arrived\./);
    });

    test('the answer of a service that closes meanwhile arrives', LIMIT, async () => {
      const begun = deferred<void>();
      const release = deferred<string>();
      const service = await startService(
        scripted(() => {
          begun.resolve();
          return release.promise;
        }),
        PATIENT,
      );
      const network = await networkTo(service.url);
      const client = startClient(network.url, { transports: [transport], ...SOON, ...PATIENT });
      const answer = firstValueFrom(client.send('call', 1));
      await begun.promise;
      const gone = new Promise((resolve) => client.on('disconnect', resolve));
      network.break();
      await gone;
      const closed = service.app.close();
      release.resolve('answer');
      expect(await answer).toBe('answer');
      await closed;
      expect(service.log.lines.filter((line) => /may not have arrived/.test(line))).toEqual([]);
    });

    test(
      'the answer for a client that does not come back is reported, and no longer waited for',
      LIMIT,
      async () => {
        const begun = deferred<void>();
        const release = deferred<string>();
        const service = await startService(
          scripted(() => {
            begun.resolve();
            return release.promise;
          }),
          PATIENT,
        );
        const network = await networkTo(service.url);
        const client = startClient(network.url, {
          transports: [transport],
          reconnectionDelay: 60_000,
          drainTimeout: 0,
        });
        const outcome = firstValueFrom(client.send('call', 1)).catch(() => 'failed');
        await begun.promise;
        const [peer] = service.strategy.peers;
        const gone = new Promise((resolve) => peer.unwrap<NodeJS.EventEmitter>().once('disconnect', resolve));
        await network.end();
        await gone;
        const closed = service.app.close();
        release.resolve('answer');
        await closed;
        expect(service.log.lines.filter((line) => /may not have arrived/.test(line))).toEqual([
          expect.stringMatching(/^warn An answer or event may not have arrived/),
        ]);
        await client.close();
        expect(await outcome).toBe('failed');
      },
    );

    test('what has arrived is not reported, however the client goes', LIMIT, async () => {
      const service = await startService(NO_HANDLERS, PATIENT);
      const network = await networkTo(service.url);
      const log = recordingLogger();
      const client = new N2NClient({ url: network.url, transports: [transport], logger: log, ...SOON });
      atEnd(() => client.close());
      await client.connect();
      client.emit('event', 1);
      await service.log.line(/NO_HANDLER|no matching event handler/);
      await service.app.close();
      await client.close();
      expect(log.lines.filter((line) => /may not have arrived/.test(line))).toEqual([]);
    });
  },
);
