import { describe, expect, test } from 'vitest';
import { N2NError } from '../../src/n2n-error.js';
import { FRAGMENT_BYTES } from '../../src/limits.js';
import { FLAG_LAST, FrameType, ValueForm } from '../../src/protocol/frames/frame.js';
import { FakeLink, frame, framesOf, linkPair } from '../support/fake-link.js';
import { fragmentsOf, u32, valueFrame } from '../support/frames.js';
import { asN2NError } from '../support/outcome.js';
import {
  openPeer,
  peerPair,
  RecordingSink,
  requestFrame,
  startPeer,
  type TestPeer,
  type TestPeerOptions,
} from '../support/peers.js';

const NO_LIMIT = { timeout: 0 };
const WINDOW = 10_000;

function dialer(options: TestPeerOptions = {}): TestPeer {
  return openPeer({ role: 'dialer', window: WINDOW, ...options });
}

function acceptor(options: TestPeerOptions = {}): TestPeer {
  return openPeer({ role: 'acceptor', window: WINDOW, ...options });
}

function ackFrame(position: number): Buffer {
  return frame(
    FrameType.ACK,
    0,
    0,
    Buffer.concat([u32(Math.floor(position / 2 ** 32)), u32(position % 2 ** 32)]),
  );
}

/** The bytes that went over a link, chunk by chunk. */
function bytesOf(link: FakeLink): number {
  return link.written.reduce((sum, chunk) => sum + chunk.length, 0);
}

/** The patterns of the requests and events that went over a link. */
function patternsOf(link: FakeLink): string[] {
  return link.written
    .flatMap(framesOf)
    .filter(({ type }) => type === FrameType.REQUEST || type === FrameType.EVENT)
    .map(({ body }) => String(body.subarray(2, 2 + body.readUInt16BE(0))));
}

describe('a link that breaks', () => {
  test.each([
    ['the side that dialed', dialer],
    ['the side that accepted', acceptor],
  ])('%s: calls wait for the next one, and what the other side missed is sent again', (_name, start) => {
    const { peer, link, told, closed } = start();
    const sink = new RecordingSink();
    peer.call('first', '1', sink, NO_LIMIT);
    const received = bytesOf(link);
    peer.call('missed', '2', sink, NO_LIMIT);
    link.break('transport close');
    expect([told, closed, peer.canCall, sink.seen]).toEqual([['suspended'], [], false, []]);
    peer.emit('meanwhile', '3', undefined);
    const next = new FakeLink();
    expect(peer.canResumeFrom(received)).toBe(true);
    peer.attach(next);
    expect([patternsOf(next), peer.canCall]).toEqual([['missed', 'meanwhile'], true]);
  });

  test('for a second time: what is sent again is counted once', () => {
    const { peer, link } = dialer();
    peer.emit('a', undefined, undefined);
    const received = bytesOf(link);
    peer.emit('b', undefined, undefined);
    link.break('1');
    const second = new FakeLink();
    peer.canResumeFrom(received);
    peer.attach(second);
    peer.emit('c', undefined, undefined);
    second.break('2');
    const third = new FakeLink();
    expect(peer.canResumeFrom(received)).toBe(true);
    peer.attach(third);
    expect(patternsOf(third)).toEqual(['b', 'c']);
    third.break('3');
    const fourth = new FakeLink();
    expect(peer.canResumeFrom(received + bytesOf(third))).toBe(true);
    peer.attach(fourth);
    expect(patternsOf(fourth)).toEqual([]);
  });

  test('answers of calls go on, in both directions, each once', () => {
    const [leftLink, rightLink] = linkPair();
    const left = startPeer({ role: 'dialer', window: WINDOW }, leftLink);
    const right = startPeer({ role: 'acceptor', window: WINDOW }, rightLink);
    right.peer.attach(rightLink);
    left.peer.attach(leftLink);
    const [asked, reverse] = [new RecordingSink(), new RecordingSink()];
    left.peer.call('p', '1', asked, NO_LIMIT);
    right.peer.call('r', '2', reverse, NO_LIMIT);
    right.calls[0].next('a');
    for (const link of [leftLink, rightLink]) link.break('cut');
    right.calls[0].next('b');
    right.calls[0].reply('c');
    left.calls[0].reply('d');
    const [leftNext, rightNext] = linkPair();
    expect([
      left.peer.canResumeFrom(right.peer.received),
      right.peer.canResumeFrom(left.peer.received),
    ]).toEqual([true, true]);
    right.peer.attach(rightNext);
    left.peer.attach(leftNext);
    expect(asked.seen).toEqual([['next', 'a'], ['next', 'b'], ['next', 'c'], ['complete']]);
    expect(reverse.seen).toEqual([['next', 'd'], ['complete']]);
    expect([right.calls.length, left.calls.length]).toEqual([1, 1]);
  });

  test('that is replaced before it was known to be broken is left, and says nothing any more', () => {
    const { peer, link, told, calls } = acceptor();
    const next = new FakeLink();
    peer.canResumeFrom(0);
    peer.attach(next);
    link.receive(requestFrame(1));
    link.break('late');
    expect([told, calls, link.closedWith !== undefined, peer.canCall]).toEqual([[], [], true, true]);
  });
});

describe('the window', () => {
  test('when it has passed, the session is over, and its calls fail with the reason', () => {
    const { peer, link, clock, closed } = dialer();
    const sink = new RecordingSink();
    peer.call('p', '1', sink, NO_LIMIT);
    link.break('transport close');
    clock.advance(WINDOW - 1);
    expect(closed).toEqual([]);
    clock.advance(1);
    const error = asN2NError(closed[0], 'CONNECTION_LOST');
    expect([error.message, error.details]).toEqual([
      'The connection was lost (transport close) and did not come back in 10000 ms.',
      { window: WINDOW },
    ]);
    expect([sink.seen, clock.armed, peer.canResumeFrom(0)]).toEqual([
      [['error', 'CONNECTION_LOST']],
      [],
      false,
    ]);
    const late = new FakeLink();
    peer.attach(late);
    expect(late.closedWith).toBeDefined();
  });

  test('does not run while there is a link', () => {
    const { peer, link, clock, closed } = dialer();
    link.break('cut');
    clock.advance(WINDOW - 1);
    peer.canResumeFrom(0);
    peer.attach(new FakeLink());
    clock.advance(10 * WINDOW);
    expect([closed, clock.armed]).toEqual([[], []]);
  });

  test.each([
    ['of 0', () => dialer({ window: 0 }), false],
    ['or not, a link that was ended on purpose ends the session', () => dialer(), true],
  ])('%s: the session ends with its link', (_name, start, isIntended) => {
    const { link, clock, closed, told } = start();
    link.break('gone', isIntended);
    expect([closed.map(({ code }) => code), told, clock.armed]).toEqual([['CONNECTION_LOST'], [], []]);
  });

  test('closing ends a session without a link, and its timer', () => {
    const { peer, link, clock, closed } = dialer();
    link.break('cut');
    peer.close(new N2NError('CLOSED', 'Done.'));
    expect([closed.map(({ code }) => code), clock.armed]).toEqual([['CLOSED'], []]);
  });

  test('a call that times out without a link is cancelled on the other side as soon as there is one', () => {
    const { peer, link, clock } = dialer();
    const sink = new RecordingSink();
    peer.call('p', '1', sink, { timeout: 50 });
    const received = bytesOf(link);
    link.break('cut');
    clock.advance(60);
    expect(sink.seen).toEqual([['error', 'TIMEOUT']]);
    const next = new FakeLink();
    peer.canResumeFrom(received);
    peer.attach(next);
    expect(next.takeFrames().map(({ type }) => type)).toContain(FrameType.CANCEL);
  });
});

describe('positions', () => {
  test('the side that dialed says at once, on every link, how much it has received', () => {
    const { peer, link } = dialer();
    const ack = (on: FakeLink) => on.takeFrames().filter(({ type }) => type === FrameType.ACK);
    expect(ack(link).map(({ body }) => body.readUInt32BE(4))).toEqual([0]);
    const request = requestFrame(2);
    link.receive(request);
    link.break('cut');
    const next = new FakeLink();
    peer.canResumeFrom(0);
    peer.attach(next);
    expect(ack(next).map(({ body }) => body.readUInt32BE(4))).toContain(request.length);
  });

  test('what came in fragments counts, though their memory has been released', () => {
    const { peer, link } = dialer();
    peer.call('p', undefined, new RecordingSink(), NO_LIMIT);
    const body = Buffer.alloc(200_000, 'b');
    const fragments = fragmentsOf(FrameType.NEXT, FLAG_LAST | ValueForm.BYTES, 1, body, FRAGMENT_BYTES);
    const total = fragments.reduce((sum, { length }) => sum + length, 0);
    link.receive(...fragments);
    expect(fragments[0]).toHaveLength(0);
    link.break('cut');
    const next = new FakeLink();
    peer.canResumeFrom(0);
    peer.attach(next);
    const acks = next.takeFrames().filter(({ type }) => type === FrameType.ACK);
    expect(acks.map(({ body: position }) => position.readUInt32BE(4))).toContain(total);
  });

  test.each([
    ['beyond what was sent', (sent: number) => sent + 1],
    ['within a chunk', (sent: number) => sent - 1],
  ])('the session cannot go on from %s', (_name, position) => {
    const { peer, link } = dialer();
    peer.emit('a', undefined, undefined);
    expect(peer.canResumeFrom(position(bytesOf(link)))).toBe(false);
  });

  test('the session cannot go on from before what was acknowledged: that is kept no longer', () => {
    const { peer, link } = dialer();
    link.receive(ackFrame(bytesOf(link)));
    expect(peer.canResumeFrom(0)).toBe(false);
  });

  test.each([
    ['of what was not sent', ackFrame(1000)],
    ['of far more', ackFrame(2 ** 50)],
    ['of another length', frame(FrameType.ACK, 0, 0, Buffer.alloc(7))],
    ['for a call', frame(FrameType.ACK, 0, 2, Buffer.alloc(8))],
  ])('an acknowledgement %s ends the session', (_name, chunk) => {
    const { link, closed } = dialer();
    link.receive(chunk);
    expect(closed.map(({ code }) => code)).toEqual(['PROTOCOL_ERROR']);
  });

  test('what comes is acknowledged every 256 KiB, and from 4 KiB on beside anything that is sent', () => {
    const { peer, link } = acceptor();
    const acks = () =>
      link
        .takeFrames()
        .filter(({ type }) => type === FrameType.ACK)
        .map(({ body }) => body.readUInt32BE(4));
    const event = frame(
      FrameType.EVENT,
      3,
      1,
      Buffer.concat([Buffer.from([0, 1]), Buffer.from('e'), Buffer.alloc(5000)]),
    );
    link.receive(event);
    expect(acks()).toEqual([]);
    peer.emit('beside', undefined, undefined);
    expect(acks()).toEqual([event.length]);
    for (let index = 1; index < 53; index++) link.receive(event);
    expect(acks()).toEqual([]);
    link.receive(event);
    expect(acks()).toEqual([54 * event.length]);
  });

  test('without a window nothing is acknowledged or kept', () => {
    const { peer, link } = dialer({ window: 0 });
    for (let index = 0; index < 100; index++)
      link.receive(valueFrame(FrameType.NEXT, FLAG_LAST, 1, 'x'.repeat(1000)));
    peer.emit('a', undefined, undefined);
    expect(link.takeFrames().map(({ type }) => type)).toEqual([FrameType.EVENT]);
    expect(peer.canResumeFrom(0)).toBe(false);
  });
});

test('with no call under way, nothing keeps a side that is away from closing', () => {
  const { peer, link } = dialer();
  const call = peer.call('p', undefined, new RecordingSink(), NO_LIMIT);
  link.break('transport close');
  expect(peer.isBusy).toBe(true);
  // Its CANCEL waits for a link that may never come.
  call.cancel();
  expect(peer.isBusy).toBe(false);
});

describe('what may be sent without being acknowledged', () => {
  test('is bounded: what is written waits, calls are refused beyond maxPending, and an acknowledgement lets it leave', () => {
    const { peer, link } = acceptor({ maxReplay: 10_000, maxPending: 5000 });
    const emit = () => peer.emit('e', Buffer.alloc(3000), undefined);
    for (let index = 0; index < 6; index++) emit();
    const sent = bytesOf(link);
    expect([patternsOf(link).length, sent > 10_000, sent < 14_000]).toEqual([4, true, true]);
    expect(emit).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
    link.receive(ackFrame(sent));
    expect(patternsOf(link)).toHaveLength(6);
  });

  test('does not keep back the acknowledgement that the other side waits for', () => {
    const options = { window: WINDOW, maxReplay: 300_000, maxPending: 2 ** 22, maxInFlight: 1000 };
    // Each side sends all that it may before it has read anything of the other.
    const [left, right] = peerPair(options, options, 'in turns');
    for (const side of [left, right]) {
      for (let index = 0; index < 100; index++) side.peer.emit('e', Buffer.alloc(9000), undefined);
    }
    for (let turns = 0; turns < 100; turns++) for (const side of [left, right]) side.link.deliver();
    expect([left.calls.length, right.calls.length]).toEqual([100, 100]);
  });
});
