import { describe, expect, test } from 'vitest';
import { FrameType } from '../../src/protocol/frames/frame.js';
import { frame } from '../support/fake-link.js';
import { fragmentsOf } from '../support/frames.js';
import { openPeer, peerPair, RecordingSink, requestFrame } from '../support/peers.js';

const NO_LIMIT = { timeout: 0 };

test('a call that is cancelled stops its handler, and is heard of no more', () => {
  const [{ peer, link }, acceptor] = peerPair();
  const sink = new RecordingSink();
  const call = peer.call('p', '1', sink, NO_LIMIT);
  const [served] = acceptor.calls;
  let stopped = 0;
  served?.whenCancelled(() => (stopped += 1));
  served?.next('before');
  link.takeFrames();
  call.cancel();
  call.cancel();
  served?.next('after');
  served?.complete();
  expect(link.takeFrames().map(({ type, id }) => [type, id])).toEqual([[FrameType.CANCEL, 1]]);
  expect([sink.seen, stopped]).toEqual([[['next', 'before']], 1]);
});

test('cancelling a call that is over says nothing', () => {
  const [{ peer, link }, { calls }] = peerPair();
  const call = peer.call('p', '1', new RecordingSink(), NO_LIMIT);
  calls[0]?.reply(1);
  link.takeFrames();
  call.cancel();
  expect(link.takeFrames()).toEqual([]);
});

test('a task that is registered after the cancellation runs at once', () => {
  const { link, calls } = openPeer();
  link.receive(requestFrame(1), frame(FrameType.CANCEL, 0, 1));
  let stopped = 0;
  calls[0]?.whenCancelled(() => (stopped += 1));
  expect(stopped).toBe(1);
});

test('a handler that has ended is not stopped', () => {
  const { link, calls } = openPeer();
  link.receive(requestFrame(1));
  let stopped = 0;
  calls[0]?.whenCancelled(() => (stopped += 1));
  calls[0]?.reply(1);
  link.receive(frame(FrameType.CANCEL, 0, 1));
  link.break('gone');
  expect(stopped).toBe(0);
});

test('a call that is cancelled before its turn is never served', () => {
  const { link, calls } = openPeer({ maxInFlight: 1 });
  link.receive(requestFrame(1, 'first'), requestFrame(3, 'second'), requestFrame(5, 'third'));
  link.receive(frame(FrameType.CANCEL, 0, 3));
  calls[0]?.reply(1);
  expect(calls.map(({ pattern }) => pattern)).toEqual(['first', 'third']);
});

test('a cancelled call counts as served until its handler has ended', () => {
  const { link, calls } = openPeer({ maxInFlight: 1 });
  for (let id = 1; id < 10; id += 2) link.receive(requestFrame(id), frame(FrameType.CANCEL, 0, id));
  link.receive(requestFrame(11, 'waits'));
  expect(calls.map(({ id }) => id)).toEqual([1]);
  calls[0]?.complete();
  expect(calls.map(({ id }) => id)).toEqual([1, 11]);
});

test('the id of a call that was cancelled within its fragments can be used again', () => {
  const { link, calls, closed } = openPeer();
  const [begun] = fragmentsOf(FrameType.REQUEST, 1, 1, requestFrame(1, 'p', '5').subarray(10), 3);
  link.receive(begun ?? Buffer.alloc(0), frame(FrameType.CANCEL, 0, 1));
  link.receive(requestFrame(1, 'p', '7'));
  expect([calls.map(({ data }) => data), closed]).toEqual([[7], []]);
});

describe('when the connection is lost', () => {
  test('calls of both sides end: those made with the error, those served by being stopped', () => {
    const { link, peer, calls } = openPeer({ maxInFlight: 1 });
    const sinks = [new RecordingSink(), new RecordingSink()];
    for (const sink of sinks) peer.call('p', '1', sink, { timeout: 1000 });
    link.receive(requestFrame(1), requestFrame(3, 'waiting'));
    let stopped = 0;
    calls[0]?.whenCancelled(() => (stopped += 1));
    link.break('transport close');
    calls[0]?.complete();
    expect(sinks.map(({ seen }) => seen)).toEqual([
      [['error', 'CONNECTION_LOST']],
      [['error', 'CONNECTION_LOST']],
    ]);
    expect([stopped, calls.length]).toEqual([1, 1]);
  });

  test('handlers that end afterwards write nothing', () => {
    const { link, calls } = openPeer();
    link.receive(requestFrame(1), requestFrame(3));
    link.break('transport close');
    calls[0]?.reply(1);
    calls[1]?.fail('x');
    expect(link.takeFrames()).toEqual([]);
  });

  test('a call made while the errors are told fails at once', () => {
    const { link, peer } = openPeer();
    const thrown: unknown[] = [];
    const again = {
      next: () => {},
      complete: () => {},
      error: () => {
        try {
          peer.call('again', '1', new RecordingSink(), NO_LIMIT);
        } catch (error) {
          thrown.push(error);
        }
      },
    };
    peer.call('p', '1', again, NO_LIMIT);
    link.break('gone');
    expect(thrown).toEqual([expect.objectContaining({ code: 'CONNECTION_LOST' })]);
  });
});

function failing(): never {
  throw new Error('teardown failed');
}

describe('a task that throws when it is to stop a handler', () => {
  test('does not end the session of the caller that cancelled', () => {
    const { link, calls, closed } = openPeer();
    link.receive(requestFrame(1), requestFrame(3));
    calls[0]?.whenCancelled(failing);
    link.receive(frame(FrameType.CANCEL, 0, 1));
    calls[1]?.reply('fine');
    expect(closed).toEqual([]);
    expect(link.takeFrames().map(({ id }) => id)).toEqual([3]);
  });

  test('does not keep the other calls from being told that the connection is lost', () => {
    const { link, peer, calls, closed } = openPeer();
    const sink = new RecordingSink();
    peer.call('p', '1', sink, NO_LIMIT);
    link.receive(requestFrame(1), requestFrame(3));
    let stopped = 0;
    calls[0]?.whenCancelled(failing);
    calls[1]?.whenCancelled(() => (stopped += 1));
    expect(() => link.break('gone')).not.toThrow();
    expect([sink.seen, stopped, closed.length]).toEqual([[['error', 'CONNECTION_LOST']], 1, 1]);
  });
});
