import { firstValueFrom, lastValueFrom } from 'rxjs';
import { io, type Socket } from 'socket.io-client';
import { describe, expect, test } from 'vitest';
import type { PeerClient } from '../../src/index.js';
import { NodeClient } from '../../src/node.js';
import { DiagnosticsRecording } from '../support/diagnostics.js';
import { atEnd, deferred, proveNothingIsLeft } from '../support/harness.js';
import { n2nErrorOf, outcomeOf } from '../support/outcome.js';
import { scripted, type Handle } from '../support/scripted.js';
import { BUILDERS, startService, type Service } from '../support/service.js';

proveNothingIsLeft();

/** A service with a stock client. */
async function startStock(
  handle: Handle,
  options: { maxInFlight?: number } = {},
): Promise<{ service: Service; socket: Socket; peer: PeerClient }> {
  const service = await startService(scripted(handle), options);
  const there = new Promise<string>((resolve) =>
    service.strategy.on('connection', ({ id }: { id: string }) => resolve(id)),
  );
  const socket = io(service.url, { transports: ['websocket'], forceNew: true });
  atEnd(() => socket.close());
  const peer = service.strategy.peers.get(await there);
  if (peer === undefined) throw new Error('there is no peer');
  return { service, socket, peer };
}

describe('a stock client', () => {
  test('has messages of its connection, and of its calls', async () => {
    const recording = new DiagnosticsRecording();
    const { socket, peer } = await startStock((value: number) => value + 1);
    expect(await socket.emitWithAck('call', 1)).toBe(2);
    await socket.emitWithAck('nowhere', 1);
    socket.emit('event', 1);
    await recording.first('n2n:call:end', ({ kind }) => kind === 'event');
    socket.close();
    const closed = await recording.first('n2n:connection:close');
    const [opened] = recording.of('n2n:connection:open');
    expect(opened).toMatchObject({ id: peer.id, role: 'acceptor', transport: 'websocket' });
    expect(closed).toEqual({ ...opened, reason: 'client namespace disconnect', cause: undefined });
    const ends = recording.of('n2n:call:end');
    expect(
      ends.map(({ side, kind, pattern, outcome, code }) => [side, kind, pattern, outcome, code]),
    ).toEqual([
      ['server', 'call', 'call', 'ok', undefined],
      ['server', 'call', 'nowhere', 'error', 'NO_HANDLER'],
      ['server', 'event', 'event', 'ok', undefined],
    ]);
    const session = {
      id: peer.id,
      role: 'acceptor',
      connection: peer.id,
      address: opened.address,
      window: 0,
    };
    for (const end of ends) expect(end.session).toEqual(session);
    expect(recording.channels.some((channel) => channel.startsWith('n2n:session'))).toBe(false);
  });

  test('has messages of the calls that the server makes to it', async () => {
    const { socket, peer } = await startStock(() => 1);
    socket.on('double', (value: number, answer: (value: number) => void) => answer(value * 2));
    const recording = new DiagnosticsRecording();
    expect(await lastValueFrom(peer.send('double', 2))).toBe(4);
    await firstValueFrom(peer.emit('event', 1));
    const subscription = peer.send('silent', 1).subscribe();
    subscription.unsubscribe();
    await n2nErrorOf(peer.send('disconnect', 1), 'INVALID_OPTIONS');
    const ends = recording.of('n2n:call:end');
    expect(ends.map(({ side, id, kind, pattern, outcome }) => [side, id, kind, pattern, outcome])).toEqual([
      ['client', undefined, 'call', 'double', 'ok'],
      ['client', undefined, 'event', 'event', 'ok'],
      ['client', undefined, 'call', 'silent', 'cancelled'],
    ]);
    expect(recording.of('n2n:call:start')).toHaveLength(3);
    expect(recording.of('n2n:call:shed')).toMatchObject([
      { side: 'client', kind: 'call', pattern: 'disconnect', code: 'INVALID_OPTIONS' },
    ]);
    const lost = outcomeOf(peer.send('silent', 1));
    socket.close();
    await lost;
    expect(recording.of('n2n:call:end').at(-1)).toMatchObject({ outcome: 'error', code: 'CONNECTION_LOST' });
  });

  test('has its calls shed where there is no room for them', async () => {
    const begun = deferred<void>();
    const release = deferred<number>();
    const { socket } = await startStock(
      () => {
        begun.resolve();
        return release.promise;
      },
      { maxInFlight: 1 },
    );
    const recording = new DiagnosticsRecording();
    const answers = Array.from({ length: 66 }, () => socket.emitWithAck('call', 1));
    socket.emit('event', 1);
    const { session } = await recording.first('n2n:error', ({ code }) => code === 'OVERLOADED');
    expect(recording.of('n2n:call:shed').map(({ kind, code }) => [kind, code])).toEqual([
      ['call', 'OVERLOADED'],
      ['event', 'OVERLOADED'],
    ]);
    expect(recording.of('n2n:call:start')).toMatchObject([{ session }]);
    release.resolve(1);
    await Promise.all(answers);
  });
});

describe.each(BUILDERS)('NodeClient over $name', ({ name: transport }) => {
  test('has messages of its attempts and connections', async () => {
    const service = await startService(scripted(() => 1));
    const recording = new DiagnosticsRecording();
    const client = new NodeClient(service.url, { transports: [transport], logging: false });
    atEnd(() => client.disconnect());
    const connected = new Promise((resolve) => client.once('connect', () => resolve(undefined)));
    client.connect();
    await connected;
    const id = client.socket?.id;
    client.disconnect();
    await recording.first('n2n:connection:close', ({ role }) => role === 'acceptor');
    const address = service.url;
    expect(recording.of('n2n:attempt:end')).toMatchObject([{ address, attempt: 0, transport }]);
    const own = (channel: 'n2n:connection:open' | 'n2n:connection:close') =>
      recording.of(channel).filter(({ role }) => role === 'dialer');
    expect(own('n2n:connection:open')).toEqual([{ id, role: 'dialer', address, transport }]);
    const reason = 'io client disconnect';
    expect(own('n2n:connection:close')).toEqual([
      { id, role: 'dialer', address, transport, reason, cause: undefined },
    ]);
  });
});
