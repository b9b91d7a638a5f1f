import { lastValueFrom, NEVER } from 'rxjs';
import { describe, expect, test } from 'vitest';
import type { N2NChannel, N2NDiagnostics } from '../../src/index.js';
import { DiagnosticsRecording } from '../support/diagnostics.js';
import { frame } from '../support/fake-link.js';
import { deferred, freePort, HOST, portOf, proveNothingIsLeft } from '../support/harness.js';
import { n2nErrorOf } from '../support/outcome.js';
import { greetedClient, type TransportName } from '../support/raw/client.js';
import { scripted } from '../support/scripted.js';
import { BUILDERS, startClient, startService } from '../support/service.js';
import { cutConnections } from '../support/ways.js';

const SOON = { reconnectionDelay: 1, maxReconnectionDelay: 20, maxReconnectionAttempts: Infinity };
const ROLES = ['dialer', 'acceptor'] as const;

type Role = (typeof ROLES)[number];

/** Which side a message of a connection or a session is of. Attempts are the dialer's. */
function roleOf(message: N2NDiagnostics[N2NChannel]): Role {
  if ('role' in message) return message.role;
  return 'session' in message ? (message.session?.role ?? 'acceptor') : 'dialer';
}

/** The channels of the messages of one side, in order. */
function channelsOf(recording: DiagnosticsRecording, role: Role): N2NChannel[] {
  return recording.all.filter(({ message }) => roleOf(message) === role).map(({ channel }) => channel);
}

// The messages of attempts, connections and sessions.
for (const builder of BUILDERS) {
  describe(`the messages of a connection, over ${builder.name}`, () => {
    proveNothingIsLeft();

    test('tell how it begins, on both sides', async () => {
      const recording = new DiagnosticsRecording();
      const { service } = await builder.start(scripted(() => 1));
      await recording.first('n2n:session:start', ({ session }) => session.role === 'acceptor');
      expect(channelsOf(recording, 'dialer')).toEqual([
        'n2n:attempt:start',
        'n2n:connection:open',
        'n2n:session:start',
        'n2n:attempt:end',
      ]);
      expect(channelsOf(recording, 'acceptor')).toEqual(['n2n:connection:open', 'n2n:session:start']);
      const { url: address } = service;
      expect(recording.of('n2n:attempt:start')).toEqual([{ address, attempt: 0 }]);
      const duration = expect.any(Number) as number;
      const transport = builder.name;
      expect(recording.of('n2n:attempt:end')).toEqual([
        { address, attempt: 0, duration, transport, missed: [] },
      ]);
      expect(recording.objectsOf('n2n:attempt:end')).toEqual(recording.objectsOf('n2n:attempt:start'));
      const [peer] = service.strategy.peers;
      const { id } = peer;
      const from = expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string;
      expect(recording.of('n2n:connection:open').toSorted(byRole)).toEqual([
        { id, role: 'acceptor', address: from, transport },
        { id, role: 'dialer', address, transport },
      ]);
      const session = { id, connection: id, window: 10_000 };
      expect(
        recording
          .of('n2n:session:start')
          .map((message) => message.session)
          .toSorted(byRole),
      ).toEqual([
        { ...session, role: 'acceptor', address: from },
        { ...session, role: 'dialer', address },
      ]);
    });

    test('tell how it ends, on both sides', async () => {
      const { client } = await builder.start(scripted(() => 1));
      const recording = new DiagnosticsRecording();
      await client.close();
      await recording.first('n2n:connection:close', ({ role }) => role === 'acceptor');
      for (const role of ROLES) {
        expect(channelsOf(recording, role).toSorted()).toEqual(['n2n:connection:close', 'n2n:session:end']);
      }
      const ends = recording.of('n2n:session:end');
      // The acceptor is told by the other side that this one has closed.
      expect(ends.map(({ session, code }) => [session.role, code])).toEqual([
        ['dialer', 'CLOSED'],
        ['acceptor', 'CONNECTION_LOST'],
      ]);
      const [own, other] = recording.of('n2n:connection:close');
      expect(own).toMatchObject({ role: 'dialer', reason: 'io client disconnect' });
      expect(other).toMatchObject({ id: own.id, role: 'acceptor', transport: builder.name });
    });

    test('tell why an attempt has failed, of each attempt', async () => {
      const address = `http://${HOST}:${await freePort()}`;
      const recording = new DiagnosticsRecording();
      const client = startClient(address, {
        ...SOON,
        transports: [builder.name],
        maxReconnectionAttempts: 2,
      });
      const gaveUp = new Promise((resolve) => client.on('reconnect-failed', resolve));
      client.connect().catch(() => {});
      await gaveUp;
      expect(recording.channels).toEqual([0, 1, 2].flatMap(() => ['n2n:attempt:start', 'n2n:attempt:error']));
      expect(recording.of('n2n:attempt:error')).toMatchObject(
        [0, 1, 2].map((attempt) => ({ address, attempt, code: 'CONNECT_FAILED' })),
      );
    });

    test('tell of an attempt that is given up', async () => {
      const service = await startService(scripted(() => 1));
      const asked = deferred<void>();
      const recording = new DiagnosticsRecording();
      const client = startClient(service.url, {
        transports: [builder.name],
        auth: () => {
          asked.resolve();
          return new Promise<never>(() => {});
        },
      });
      client.connect().catch(() => {});
      await asked.promise;
      await client.close();
      expect(await recording.first('n2n:attempt:error')).toMatchObject({ attempt: 0, code: 'CLOSED' });
    });

    test('tell that its session goes on over the next one after a cut, on both sides', async () => {
      const { service, client } = await builder.start(
        scripted(() => 1),
        {},
        SOON,
      );
      await lastValueFrom(client.send('echo', 1));
      const recording = new DiagnosticsRecording();
      cutConnections(service);
      for (const role of ROLES)
        await recording.first('n2n:session:resume', ({ session }) => session.role === role);
      await lastValueFrom(client.send('echo', 2));
      const calls: N2NChannel[] = ['n2n:call:start', 'n2n:call:end'];
      expect(channelsOf(recording, 'acceptor')).toEqual([
        'n2n:connection:close',
        'n2n:session:suspend',
        'n2n:connection:open',
        'n2n:session:resume',
        ...calls,
      ]);
      expect(channelsOf(recording, 'dialer')).toEqual([
        'n2n:connection:close',
        'n2n:session:suspend',
        'n2n:attempt:start',
        'n2n:connection:open',
        'n2n:session:resume',
        'n2n:attempt:end',
        ...calls,
      ]);
      const [peer] = service.strategy.peers;
      for (const role of ROLES) {
        const [opened] = recording.of('n2n:connection:open').filter((message) => message.role === role);
        const [suspended] = recording
          .of('n2n:session:suspend')
          .filter(({ session }) => session.role === role);
        const [resumed] = recording.of('n2n:session:resume').filter(({ session }) => session.role === role);
        expect(resumed.session).toBe(suspended.session);
        const { address, id: connection } = opened;
        expect(resumed.session).toEqual({ id: peer.id, role, connection, address, window: 10_000 });
        expect(connection).not.toBe(peer.id);
        expect(resumed.replayed).toBeGreaterThanOrEqual(0);
      }
    });

    test('tell of a session that is not resumed in time', async () => {
      const { service, client } = await builder.start(
        scripted(() => NEVER),
        { resumeWindow: 50 },
        { reconnectionDelay: 2000, randomizationFactor: 0 },
      );
      const lost = n2nErrorOf(client.send('call', 1), 'CONNECTION_LOST');
      await lastValueFrom(client.send('echo', 1));
      const recording = new DiagnosticsRecording();
      cutConnections(service);
      await lost;
      for (const role of ROLES) {
        const end = await recording.first('n2n:session:end', ({ session }) => session.role === role);
        expect(end).toMatchObject({ code: 'CONNECTION_LOST', session: { window: 50 } });
        expect(recording.of('n2n:session:suspend').some(({ session }) => session === end.session)).toBe(true);
      }
      expect(recording.of('n2n:session:resume')).toEqual([]);
    });
  });

  describe(`the messages of errors, over ${builder.name}`, () => {
    proveNothingIsLeft();

    test('tell of a client that breaks the protocol', async () => {
      const service = await startService(scripted(() => 1));
      const recording = new DiagnosticsRecording();
      const raw = await greetedClient(portOf(service.io.httpServer), builder.name as TransportName);
      raw.send(frame(0x3f, 0, 1));
      const { session, error } = await recording.first('n2n:error');
      expect(error).toMatchObject({ code: 'PROTOCOL_ERROR' });
      expect(await recording.first('n2n:session:end')).toEqual({ session, code: 'PROTOCOL_ERROR', error });
      await raw.ended;
      expect(recording.of('n2n:error')).toHaveLength(1);
    });

    test('tell of a handshake that fails: to the server, and to the client as a failed attempt', async () => {
      const service = await startService(
        scripted(() => 1),
        { codec: 'v8' },
      );
      const recording = new DiagnosticsRecording();
      const client = startClient(service.url, { transports: [builder.name] });
      await expect(client.connect()).rejects.toMatchObject({ code: 'VERSION_MISMATCH' });
      expect(recording.of('n2n:error')).toMatchObject([{ session: undefined, code: 'VERSION_MISMATCH' }]);
      expect(recording.of('n2n:attempt:error')).toMatchObject([{ code: 'VERSION_MISMATCH' }]);
      await recording.first('n2n:connection:close', ({ role }) => role === 'acceptor');
      const opened = recording.of('n2n:connection:open').map(({ role }) => role);
      const closed = recording.of('n2n:connection:close').map(({ role }) => role);
      expect([opened.toSorted(), closed.toSorted()]).toEqual([ROLES.toSorted(), ROLES.toSorted()]);
      expect(recording.of('n2n:session:start')).toEqual([]);
    });
  });
}

function byRole(left: { role: Role }, right: { role: Role }): number {
  return left.role.localeCompare(right.role);
}
