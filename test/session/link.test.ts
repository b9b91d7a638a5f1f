import { describe, expect, test } from 'vitest';
import { N2NError } from '../../src/n2n-error.js';
import { FrameType } from '../../src/protocol/frames/frame.js';
import { FakeLink, frame } from '../support/fake-link.js';
import { asN2NError, n2nErrorThrown } from '../support/outcome.js';
import { openPeer, RecordingSink, requestFrame, startPeer } from '../support/peers.js';

const NO_LIMIT = { timeout: 0 };

/** A peer whose turns end when the test runs its tasks. */
function turnByTurn() {
  const tasks: (() => void)[] = [];
  const test = openPeer({ defer: (task) => tasks.push(task) });
  const endTurn = (): void => tasks.splice(0).forEach((task) => task());
  endTurn();
  test.link.takeFrames();
  return { ...test, tasks, endTurn };
}

test('what is written in one turn leaves as one chunk', () => {
  const { link, peer, tasks, endTurn } = turnByTurn();
  for (let index = 0; index < 10; index++) peer.call('p', '1', new RecordingSink(), NO_LIMIT);
  peer.emit('e', '2', undefined);
  expect([link.written.length, tasks.length]).toEqual([0, 1]);
  endTurn();
  expect(link.written).toHaveLength(1);
  expect(link.takeFrames()).toHaveLength(11);
  // The next turn's work is another chunk.
  peer.emit('e', '2', undefined);
  endTurn();
  expect(link.written).toHaveLength(1);
});

test('of much that is written in one turn, the first leaves before its end, in few chunks and in order', () => {
  const { link, peer, endTurn } = turnByTurn();
  const payload = JSON.stringify('x'.repeat(100));
  for (let index = 0; index < 100; index++) peer.call('p', payload, new RecordingSink(), NO_LIMIT);
  const early = link.written.length;
  expect(early).toBeGreaterThan(0);
  expect(early).toBeLessThan(6);
  endTurn();
  expect(link.written).toHaveLength(early + 1);
  const ids = link.takeFrames().map(({ id }) => id);
  expect(ids).toEqual(Array.from({ length: 100 }, (_, index) => 2 + 2 * index));
  // Each turn begins anew.
  for (let index = 0; index < 10; index++) peer.call('p', payload, new RecordingSink(), NO_LIMIT);
  expect(link.written).toHaveLength(1);
});

test('nothing leaves early while the link is full', () => {
  const { link, peer, endTurn } = turnByTurn();
  link.takes = false;
  const payload = JSON.stringify('x'.repeat(1000));
  for (let index = 0; index < 10; index++) peer.call('p', payload, new RecordingSink(), NO_LIMIT);
  endTurn();
  expect(link.written).toHaveLength(1);
  link.drain();
  expect(link.takeFrames()).toHaveLength(10);
});

describe('a link that is full', () => {
  test('is left alone until it has drained; then what waited leaves in order', () => {
    const { link, peer } = openPeer();
    link.takes = false;
    for (const pattern of ['a', 'b', 'c']) peer.emit(pattern, undefined, undefined);
    expect(link.takeFrames().map(({ body }) => String(body.subarray(2)))).toEqual(['a']);
    link.drain();
    expect(link.takeFrames().map(({ body }) => String(body.subarray(2)))).toEqual(['b', 'c']);
  });

  test('refuses calls and events beyond the bound, and takes them when it has drained', () => {
    const { link, peer, closed } = openPeer({ maxPending: 10_000 });
    link.takes = false;
    const sink = new RecordingSink();
    const call = (): unknown => peer.call('p', Buffer.alloc(3000), sink, NO_LIMIT);
    // The first goes to the link; of the others, 10 000 bytes wait and one more passes the bound.
    for (let index = 0; index < 5; index++) call();
    const error = n2nErrorThrown(call, 'OVERLOADED');
    expect(error).toMatchObject({ retryable: true, details: { maxPending: 10_000 } });
    n2nErrorThrown(() => peer.emit('e', '1', undefined), 'OVERLOADED');
    expect([closed, sink.seen]).toEqual([[], []]);
    link.drain();
    call();
    expect(link.takeFrames()).toHaveLength(6);
  });

  test('holds back streams that have credit, and ends no session for them', () => {
    const { link, calls, closed } = openPeer({ maxPending: 2 ** 22, maxInFlight: 100 });
    link.takes = false;
    for (let id = 1; id < 100; id += 2) link.receive(requestFrame(id));
    for (const call of calls) for (let value = 0; value < 10; value++) call.next(Buffer.alloc(60_000, value));
    expect(closed).toEqual([]);
    expect(calls.every(({ isReady }) => !isReady)).toBe(true);
    let ready = 0;
    for (const call of calls) call.whenReady(() => (ready += 1));
    link.drain();
    expect([ready, closed]).toEqual([50, []]);
    const values = new Map<number, number[]>();
    for (const { id, body } of link.takeFrames()) values.set(id, [...(values.get(id) ?? []), body[0] ?? -1]);
    expect([...values.values()]).toEqual(Array.from({ length: 50 }, () => [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
  });

  test('ends the session of an other side that asks and does not read', () => {
    const { link, closed } = openPeer({
      maxPending: 10_000,
      onCall: (call) => call.reply(Buffer.alloc(3000)),
    });
    link.takes = false;
    // The answers of the ten calls that may be served at once have room beside those 10 000 bytes.
    for (let id = 1; id < 600; id += 2) link.receive(requestFrame(id));
    expect(closed.map(({ code }) => code)).toEqual(['OVERLOADED']);
    expect(link.closedWith).toContain('does not read');
  });

  test('keeps the answers of all calls that were being served, however long', () => {
    const { link, calls, closed } = openPeer({ maxPending: 10_000, maxInFlight: 100 });
    for (let id = 1; id < 200; id += 2) link.receive(requestFrame(id));
    link.takes = false;
    for (const call of calls) call.reply(Buffer.alloc(60_000));
    expect(closed).toEqual([]);
    link.drain();
    expect(link.takeFrames()).toHaveLength(100);
  });

  test('lets calls wait that could not be answered, and serves them when it has drained', () => {
    const { link, calls } = openPeer({
      maxPending: 2 ** 22,
      maxInFlight: 100,
      onCall: (call) => call.reply(Buffer.alloc(60_000)),
    });
    link.takes = false;
    for (let id = 1; id < 200; id += 2) link.receive(requestFrame(id));
    // A mebibyte waits, and one answer was on the link before it was full.
    expect(calls).toHaveLength(19);
    link.drain();
    expect([calls.length, link.takeFrames().length]).toEqual([100, 100]);
  });

  test('takes what tells the other side of the end of a call, also when no call is taken', () => {
    const { link, peer, closed } = openPeer({ maxPending: 10_000 });
    link.takes = false;
    const call = peer.call('p', undefined, new RecordingSink(), NO_LIMIT);
    for (;;) {
      try {
        peer.call('p', Buffer.alloc(3000), new RecordingSink(), NO_LIMIT);
      } catch {
        break;
      }
    }
    call.cancel();
    expect(closed).toEqual([]);
    link.drain();
    expect(link.takeFrames().map(({ type }) => type)).toContain(FrameType.CANCEL);
  });
});

describe('the end', () => {
  test('by close: what was written leaves, then the reason, then the link is closed', () => {
    const { link, peer, closed } = openPeer();
    peer.emit('last words', undefined, undefined);
    peer.close(new N2NError('CLOSED', 'Done.'));
    const frames = link.takeFrames();
    expect(frames.map(({ type, id }) => [type, id !== 0])).toEqual([
      [FrameType.EVENT, true],
      [FrameType.ERROR, false],
    ]);
    expect(JSON.parse(String(frames[1]?.body))).toEqual({ code: 'CLOSED', message: 'Done.' });
    expect([link.closedWith, closed.map(({ code }) => code)]).toEqual(['Done.', ['CLOSED']]);
  });

  test('is told once, whatever follows', () => {
    const { link, peer, closed, calls } = openPeer();
    link.break('transport close');
    peer.close(new N2NError('CLOSED', 'Done.'));
    link.receive(requestFrame(1));
    link.drain();
    expect(closed.map(({ code, message }) => [code, message])).toEqual([
      ['CONNECTION_LOST', 'The connection to the other side was lost: transport close.'],
    ]);
    expect([calls, link.takeFrames(), peer.canCall]).toEqual([[], [], false]);
  });

  test('calls and events after it get its error', () => {
    const { link, peer, closed } = openPeer();
    link.break('transport close');
    const error = n2nErrorThrown(() => peer.call('p', '1', new RecordingSink(), NO_LIMIT), 'CONNECTION_LOST');
    expect(error).toBe(asN2NError(closed[0], 'CONNECTION_LOST'));
    n2nErrorThrown(() => peer.emit('p', '1', undefined), 'CONNECTION_LOST');
  });

  test('also over a link that is full the reason leaves, and nothing else', () => {
    const { link, peer } = openPeer();
    link.takes = false;
    for (const pattern of ['taken', 'waits']) peer.emit(pattern, undefined, undefined);
    link.takeFrames();
    peer.close(new N2NError('CLOSED', 'Done.'));
    link.drain();
    expect(link.takeFrames().map(({ type, id }) => [type, id])).toEqual([[FrameType.ERROR, 0]]);
    expect(link.closedWith).toBe('Done.');
  });

  test.each(['by this side', 'by the other'])(
    '%s is for good: a link that breaks with it leaves nothing waiting for another',
    (whose) => {
      // As Engine.IO's client tells of a connection that was closed here.
      class ForcedLink extends FakeLink {
        override close(): void {
          this.break('forced close', false);
        }
      }
      const link = new ForcedLink();
      const { peer, clock, told, closed } = startPeer({ window: 10_000 }, link);
      peer.attach(link);
      if (whose === 'by this side') peer.close(new N2NError('CLOSED', 'Done.'));
      else link.receive(frame(FrameType.ERROR, 0x08 | 1, 0, '{"code":"CLOSED","message":"m"}'));
      expect([told, closed.length, clock.armed]).toEqual([[], 1, []]);
    },
  );
});
