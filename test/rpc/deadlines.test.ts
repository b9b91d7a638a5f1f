import { describe, expect, test } from 'vitest';
import { FLAG_DEADLINE, FLAG_LAST, FrameType } from '../../src/protocol/frames/frame.js';
import { readRequestHeader } from '../../src/protocol/frames/request-header.js';
import { frame } from '../support/fake-link.js';
import { openPeer, RecordingSink, type TestPeer } from '../support/peers.js';

function callOf({ peer }: TestPeer, timeout: number, since?: number): RecordingSink {
  const sink = new RecordingSink();
  peer.call('slow', '1', sink, { timeout, since });
  return sink;
}

const TIMED_OUT = [['error', 'TIMEOUT']];

test('a call without an answer ends with TIMEOUT just when its time is over, and the handler is told', () => {
  const open = openPeer();
  const sink = callOf(open, 1000);
  open.link.takeFrames();
  open.clock.advance(999);
  expect(sink.seen).toEqual([]);
  open.clock.advance(1);
  expect(sink.seen).toEqual(TIMED_OUT);
  expect(open.link.takeFrames().map(({ type, id }) => [type, id])).toEqual([[FrameType.CANCEL, 2]]);
  expect(open.clock.armed).toEqual([]);
});

test('a call that has waited elsewhere ends in its time, whichever were made before it here', () => {
  const open = openPeer();
  const sinks = [callOf(open, 1000)];
  open.clock.advance(500);
  sinks.push(callOf(open, 1000));
  sinks.push(callOf(open, 1000, open.clock.now() - 900), callOf(open, 1000, open.clock.now() - 300));
  const timedOut = (): number[] => sinks.flatMap(({ seen }, index) => (seen.length > 0 ? [index] : []));
  open.clock.advance(100);
  expect(timedOut()).toEqual([2]);
  open.clock.advance(400);
  expect(timedOut()).toEqual([0, 2]);
  open.clock.advance(200);
  expect(timedOut()).toEqual([0, 2, 3]);
  open.clock.advance(300);
  expect(timedOut()).toEqual([0, 1, 2, 3]);
  expect(open.clock.armed).toEqual([]);
});

test('the error says which call, how long, and what to do', () => {
  const { peer, clock } = openPeer();
  const errors: unknown[] = [];
  const sink = { next: () => {}, complete: () => {}, error: (error: unknown) => errors.push(error) };
  peer.call('words.count', '1', sink, { timeout: 50 });
  clock.advance(50);
  expect(errors).toEqual([
    expect.objectContaining({
      code: 'TIMEOUT',
      retryable: true,
      details: { pattern: 'words.count', timeout: 50 },
      message: expect.stringMatching(/"words\.count" within 50 ms.*Raise/) as string,
    }),
  ]);
});

test('each value of a stream is a sign of life', () => {
  const open = openPeer();
  const sink = callOf(open, 1000);
  for (let round = 0; round < 5; round++) {
    open.clock.advance(900);
    open.link.receive(frame(FrameType.NEXT, 1, 2, String(round)));
  }
  open.clock.advance(999);
  expect(sink.seen).toHaveLength(5);
  open.clock.advance(1);
  expect(sink.seen.at(-1)).toEqual(TIMED_OUT[0]);
});

test('an answer in time leaves nothing that fires later', () => {
  const open = openPeer();
  const sink = callOf(open, 1000);
  open.link.receive(frame(FrameType.NEXT, FLAG_LAST | 1, 2, '5'));
  open.clock.advance(5000);
  expect(sink.seen).toEqual([['next', 5], ['complete']]);
  expect(open.clock.armed).toEqual([]);
});

test('a timeout of 0 is none', () => {
  const open = openPeer();
  const sink = callOf(open, 0);
  open.clock.advance(2 ** 31);
  expect(sink.seen).toEqual([]);
  expect(open.clock.armed).toEqual([]);
});

test('many calls share a timer, and each ends at its own time', () => {
  const open = openPeer();
  const sinks: RecordingSink[] = [];
  for (let index = 0; index < 100; index++) {
    sinks.push(callOf(open, index % 2 === 0 ? 1000 : 3000));
    open.clock.advance(10);
  }
  expect(open.clock.armed).toHaveLength(2);
  // Now is 1000. The call of index i began at 10 i.
  open.clock.advance(500);
  expect(sinks.map(({ seen }) => seen.length)).toEqual(
    sinks.map((_, index) => (index % 2 === 0 && index <= 50 ? 1 : 0)),
  );
  open.clock.advance(3000);
  expect(sinks.every(({ seen }) => seen.length === 1)).toBe(true);
  expect(open.clock.armed).toEqual([]);
});

test('a call that is made when another times out has its own time', () => {
  const open = openPeer();
  const second = new RecordingSink();
  open.peer.call(
    'first',
    '1',
    {
      next: () => {},
      complete: () => {},
      error: () => open.peer.call('second', '1', second, { timeout: 1000 }),
    },
    { timeout: 1000 },
  );
  open.clock.advance(1999);
  expect(second.seen).toEqual([]);
  open.clock.advance(1);
  expect(second.seen).toEqual(TIMED_OUT);
});

test('a lost connection leaves no timer', () => {
  const open = openPeer();
  const sink = callOf(open, 1000);
  open.link.break('gone');
  open.clock.advance(5000);
  expect(sink.seen).toEqual([['error', 'CONNECTION_LOST']]);
  expect(open.clock.armed).toEqual([]);
});

describe('a call that has waited for its connection', () => {
  test('has only the rest of its time', () => {
    const open = openPeer();
    open.clock.advance(900);
    const sink = callOf(open, 1000, 0);
    open.clock.advance(99);
    expect(sink.seen).toEqual([]);
    open.clock.advance(1);
    expect(sink.seen).toEqual(TIMED_OUT);
  });

  test('has no more than that, however long others have yet', () => {
    const open = openPeer();
    open.clock.advance(900);
    const later = [callOf(open, 1000, 500), callOf(open, 1000)];
    const sink = callOf(open, 1000, 0);
    open.clock.advance(100);
    expect(sink.seen).toEqual(TIMED_OUT);
    open.clock.advance(500);
    expect(later.map(({ seen }) => seen)).toEqual([TIMED_OUT, []]);
    open.clock.advance(400);
    expect(later.map(({ seen }) => seen)).toEqual([TIMED_OUT, TIMED_OUT]);
    expect(open.clock.armed).toEqual([]);
  });

  test('tells the other side the rest of its time', () => {
    const open = openPeer();
    open.clock.advance(900);
    callOf(open, 1000, 0);
    const [request] = open.link.takeFrames();
    if (request === undefined) throw new Error('no request was written');
    const { flags, body } = request;
    expect(flags & FLAG_DEADLINE).not.toBe(0);
    expect(readRequestHeader(FrameType.REQUEST, flags, body, 0, body.length).remaining).toBe(100);
  });
});
