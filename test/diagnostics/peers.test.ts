import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { expect, test } from 'vitest';
import { N2NError } from '../../src/n2n-error.js';
import { DiagnosticsRecording } from '../support/diagnostics.js';
import { FakeLink } from '../support/fake-link.js';
import { FakeClock } from '../support/fake-clock.js';
import { atEnd, proveNothingIsLeft } from '../support/harness.js';
import { openPeer, peerPair, RecordingSink } from '../support/peers.js';

const NO_LIMIT = { timeout: 0 };

proveNothingIsLeft();

test('a session that is resumed tells how many bytes it sends again', () => {
  const { peer, link } = openPeer({ window: 1000 });
  const recording = new DiagnosticsRecording();
  peer.emit('event', '1', undefined);
  const [sent] = link.written;
  link.break('cut');
  // It was never sent.
  peer.emit('event', '2', undefined);
  const next = new FakeLink();
  peer.attach(next);
  expect(recording.of('n2n:session:resume')).toMatchObject([{ replayed: sent.length }]);
  expect(next.written[0]).toEqual(sent);
});

test('a session whose former connection is still there is resumed without having been suspended', () => {
  const recording = new DiagnosticsRecording();
  const { peer } = openPeer({ window: 1000 });
  peer.attach(new FakeLink());
  expect(recording.channels).toEqual(['n2n:session:start', 'n2n:session:resume']);
});

test('a session that is over starts and resumes no more', () => {
  const recording = new DiagnosticsRecording();
  const { peer } = openPeer({ window: 1000 });
  peer.close(new N2NError('CLOSED', 'over'));
  peer.attach(new FakeLink());
  expect(recording.channels).toEqual(['n2n:session:start', 'n2n:session:end']);
});

test('without subscribers, nothing is kept for a call, and no clock is read for it', () => {
  const clock = new FakeClock();
  let reads = 0;
  const counting = Object.assign(Object.create(clock) as FakeClock, {
    now: () => {
      reads += 1;
      return clock.now();
    },
  });
  const [caller, handler] = peerPair({ clock: counting }, { clock: counting });
  const readsOf = (subscribed: boolean): number => {
    const before = reads;
    const call = caller.peer.call('p', '1', new RecordingSink(), NO_LIMIT);
    expect(call.trace !== undefined).toBe(subscribed);
    handler.calls.at(-1)?.reply(1);
    return reads - before;
  };
  const before = readsOf(false);
  const listener = (): void => {};
  subscribe('n2n:call:end', listener);
  const during = readsOf(true);
  unsubscribe('n2n:call:end', listener);
  const after = readsOf(false);
  expect(after).toBe(before);
  // A start and an end on each side.
  expect(during).toBe(before + 4);
  expect(handler.calls).toHaveLength(3);
});

test('the end of a call is told only where its start could be', () => {
  const [caller, handler] = peerPair();
  const sink = new RecordingSink();
  caller.peer.call('early', '1', sink, NO_LIMIT);
  const recording = new DiagnosticsRecording(['n2n:call:end']);
  caller.peer.call('late', '1', sink, NO_LIMIT);
  for (const call of handler.calls) call.reply(1);
  expect(recording.of('n2n:call:end').map(({ side, pattern }) => [side, pattern])).toEqual([
    ['client', 'late'],
    ['server', 'late'],
  ]);
});

test('a call that the session refuses is shed', () => {
  const { peer, link } = openPeer({ maxPending: 10 });
  const recording = new DiagnosticsRecording();
  link.takes = false;
  peer.emit('first', '1', undefined);
  peer.emit('second', '"a long value"', undefined);
  expect(() => peer.call('third', '1', new RecordingSink(), NO_LIMIT)).toThrow(N2NError);
  expect(() => peer.emit('fourth', '1', undefined)).toThrow(N2NError);
  expect(recording.of('n2n:call:shed')).toMatchObject([
    { side: 'client', kind: 'call', pattern: 'third', code: 'OVERLOADED', session: { id: 'test' } },
    { side: 'client', kind: 'event', pattern: 'fourth', code: 'OVERLOADED', session: { id: 'test' } },
  ]);
});

test('a call that is cancelled before its turn has no message of its server', () => {
  const [caller, handler] = peerPair({}, { maxInFlight: 1 });
  const recording = new DiagnosticsRecording();
  const sink = new RecordingSink();
  caller.peer.call('first', '1', sink, NO_LIMIT);
  caller.peer.call('second', '1', sink, NO_LIMIT).cancel();
  handler.calls[0].reply(1);
  const sides = recording.of('n2n:call:end').map(({ side, pattern, outcome }) => [side, pattern, outcome]);
  expect(sides).toEqual([
    ['client', 'second', 'cancelled'],
    ['client', 'first', 'ok'],
    ['server', 'first', 'ok'],
  ]);
  expect(recording.of('n2n:call:shed')).toEqual([]);
});

test('a subscriber that throws harms nothing, and its error is an uncaught exception', async () => {
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  const uncaught = new Promise((resolve) => process.on('uncaughtException', resolve));
  atEnd(() => {
    process.removeAllListeners('uncaughtException');
    for (const listener of others) process.on('uncaughtException', listener);
  });
  const broken = (): void => {
    throw new Error('broken');
  };
  subscribe('n2n:call:start', broken);
  atEnd(() => unsubscribe('n2n:call:start', broken));
  const [caller, handler] = peerPair();
  const recording = new DiagnosticsRecording(['n2n:call:start']);
  const sink = new RecordingSink();
  caller.peer.call('p', '1', sink, NO_LIMIT);
  handler.calls[0].reply('answer');
  expect(sink.seen).toEqual([['next', 'answer'], ['complete']]);
  expect(recording.of('n2n:call:start')).toHaveLength(2);
  expect(await uncaught).toMatchObject({ message: 'broken' });
});
