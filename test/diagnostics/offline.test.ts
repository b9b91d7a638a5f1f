import { lastValueFrom } from 'rxjs';
import { expect, test, vi } from 'vitest';
import { N2NRecordBuilder, type N2NClient, type N2NClientOptions } from '../../src/index.js';
import { DiagnosticsRecording } from '../support/diagnostics.js';
import { stopTheClock } from '../support/fake-time.js';
import { freePort, HOST, proveNothingIsLeft } from '../support/harness.js';
import { n2nErrorOf } from '../support/outcome.js';
import { scripted } from '../support/scripted.js';
import { startClient, startService } from '../support/service.js';

proveNothingIsLeft();

/** A client whose service is away for as long as the test lasts. */
async function lonely(options: N2NClientOptions = {}): Promise<N2NClient> {
  return startClient(`http://${HOST}:${await freePort()}`, { reconnectionDelay: 1_000_000, ...options });
}

/** The calls that were shed, all of them on the side of the client and without a session. */
function shedIn(recording: DiagnosticsRecording): unknown[] {
  expect(recording.channels.filter((channel) => /call:(start|end)/.test(channel))).toEqual([]);
  return recording.of('n2n:call:shed').map(({ side, session, kind, pattern, code, error }) => {
    expect([side, session]).toEqual(['client', undefined]);
    expect(error).toMatchObject({ code });
    return [kind, pattern, code];
  });
}

test('a call whose time passes before there is a connection is shed', async () => {
  stopTheClock();
  const recording = new DiagnosticsRecording();
  const client = await lonely();
  const late = n2nErrorOf(client.send('late', new N2NRecordBuilder(1).setTimeout(100).build()), 'TIMEOUT');
  vi.advanceTimersByTime(100);
  await late;
  expect(shedIn(recording)).toEqual([['call', 'late', 'TIMEOUT']]);
});

test('a call for which there is no room is shed', async () => {
  const recording = new DiagnosticsRecording();
  const client = await lonely({ maxBuffered: 0 });
  await n2nErrorOf(client.send('full', 1), 'OVERLOADED');
  await n2nErrorOf(client.emit('full', new N2NRecordBuilder(1).acknowledged().build()), 'OVERLOADED');
  expect(shedIn(recording)).toEqual([
    ['call', 'full', 'OVERLOADED'],
    ['acknowledged-event', 'full', 'OVERLOADED'],
  ]);
});

test('a call that is not to wait is shed', async () => {
  const recording = new DiagnosticsRecording();
  const client = await lonely({ offline: 'reject' });
  await n2nErrorOf(client.send('now', 1), 'CONNECT_FAILED');
  expect(shedIn(recording)).toEqual([['call', 'now', 'CONNECT_FAILED']]);
});

test('calls that wait when the client closes are shed, and those that are made afterwards', async () => {
  const recording = new DiagnosticsRecording();
  const client = await lonely();
  const waiting = n2nErrorOf(client.send('waiting', 1), 'CLOSED');
  const event = n2nErrorOf(client.emit('event', 1), 'CLOSED');
  await client.close();
  await Promise.all([waiting, event]);
  await n2nErrorOf(client.send('later', 1), 'CLOSED');
  expect(shedIn(recording)).toEqual([
    ['call', 'waiting', 'CLOSED'],
    ['event', 'event', 'CLOSED'],
    ['call', 'later', 'CLOSED'],
  ]);
  expect(recording.of('n2n:error')).toEqual([]);
});

test('an event that is lost while nobody has subscribed to it is an error', async () => {
  const recording = new DiagnosticsRecording();
  const client = await lonely({ offline: 'reject' });
  client.emit('lost', 1);
  expect(await recording.first('n2n:error')).toMatchObject({ session: undefined, code: 'CONNECT_FAILED' });
});

test('a call tells how long it has waited for its connection', async () => {
  const service = await startService(scripted(() => 1));
  const recording = new DiagnosticsRecording();
  const client = startClient(service.url, {
    auth: () => {
      vi.advanceTimersByTime(100);
      return {};
    },
  });
  stopTheClock();
  await lastValueFrom(client.send('call', 1));
  expect(await recording.first('n2n:call:end', ({ side }) => side === 'client')).toMatchObject({
    waited: 100,
    duration: 0,
  });
  await client.close();
});

test('an idempotent call that is made again is told of each time', async () => {
  let runs = 0;
  const service = await startService(
    scripted(() => {
      runs += 1;
      if (runs > 1) return 'again';
      for (const socket of service.io.sockets.sockets.values()) socket.request.socket.destroy();
      return new Promise<never>(() => {});
    }),
    { resumeWindow: 0, drainTimeout: 0 },
  );
  const client = startClient(service.url, { reconnectionDelay: 1 });
  const recording = new DiagnosticsRecording();
  expect(await lastValueFrom(client.send('call', new N2NRecordBuilder(1).idempotent().build()))).toBe(
    'again',
  );
  const ends = recording.of('n2n:call:end').filter(({ side }) => side === 'client');
  expect(ends.map(({ outcome, code }) => [outcome, code])).toEqual([
    ['error', 'CONNECTION_LOST'],
    ['ok', undefined],
  ]);
  expect(ends[0].session).not.toBe(ends[1].session);
});
