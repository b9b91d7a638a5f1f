import { describe, expect, test } from 'vitest';
import { FRAGMENT_BYTES, MAX_FRAGMENTED_BODIES, MAX_WHOLE_BODY_BYTES } from '../../src/limits.js';
import { encodeValue } from '../../src/protocol/values/value.js';
import { FLAG_LAST, FLAG_MORE, FLAG_STREAM, FrameType, ValueForm } from '../../src/protocol/frames/frame.js';
import type { StreamTarget } from '../../src/rpc/streams/stream-target.js';
import { StreamReader } from '../../src/rpc/streams/stream-reader.js';
import { frame } from '../support/fake-link.js';
import { callFrame, creditFrame, fragmentsOf, requestBody, valueFrame } from '../support/frames.js';
import { openPeer, peerPair, RecordingSink, requestFrame, type TestPeer } from '../support/peers.js';

const NO_LIMIT = { timeout: 0 };
const LONG = 'x'.repeat(3 * FRAGMENT_BYTES);
const longJson = Buffer.from(JSON.stringify(LONG));

/** A call of this side whose payload is a stream, which the test feeds. */
function uploadOf({ peer }: TestPeer, sink = new RecordingSink()): [StreamTarget, RecordingSink] {
  const targets: StreamTarget[] = [];
  peer.call('up', undefined, sink, { timeout: 0, onPayload: (target) => void targets.push(target) });
  const [target] = targets;
  if (target === undefined) throw new Error('no payload was asked for');
  return [target, sink];
}

function readerOf({ calls }: TestPeer, index = 0): StreamReader {
  const data = calls[index]?.data;
  if (!(data instanceof StreamReader)) throw new Error('no payload came');
  return data;
}

function codesOf({ closed }: TestPeer): string[] {
  return closed.map(({ code }) => code);
}

describe('between the fragments of a body', () => {
  test('CREDIT of the same id may stand, towards the side that called', () => {
    const open = openPeer();
    const [target, sink] = uploadOf(open);
    target.next('a');
    const fragments = fragmentsOf(FrameType.NEXT, FLAG_LAST | 2, 2, longJson, FRAGMENT_BYTES);
    for (const fragment of fragments) open.link.receive(fragment, creditFrame(2, 10, 10));
    expect(codesOf(open)).toEqual([]);
    expect(sink.seen).toEqual([['next', LONG], ['complete']]);
  });

  test('CREDIT of the same id may stand, towards the side that answers', async () => {
    const open = openPeer();
    open.link.receive(callFrame(FrameType.REQUEST, FLAG_STREAM, 1, {}));
    for (const fragment of fragmentsOf(FrameType.NEXT, 2, 1, longJson, FRAGMENT_BYTES)) {
      open.link.receive(fragment, creditFrame(1, 10, 10));
    }
    expect(codesOf(open)).toEqual([]);
    expect(await readerOf(open).next()).toEqual({ done: false, value: LONG });
  });

  test('CANCEL of the payload leaves the answer whole', () => {
    const open = openPeer();
    const [target, sink] = uploadOf(open);
    const [first, ...others] = fragmentsOf(FrameType.NEXT, FLAG_LAST | 2, 2, longJson, FRAGMENT_BYTES);
    open.link.receive(first ?? Buffer.alloc(0), frame(FrameType.CANCEL, 0, 2), ...others);
    expect(target.isStopped).toBe(true);
    expect(codesOf(open)).toEqual([]);
    expect(sink.seen).toEqual([['next', LONG], ['complete']]);
  });

  test('frames of a type that may be skipped are skipped', () => {
    const open = openPeer();
    const sink = new RecordingSink();
    open.peer.call('p', undefined, sink, NO_LIMIT);
    for (const fragment of fragmentsOf(FrameType.NEXT, FLAG_LAST | 2, 2, longJson, FRAGMENT_BYTES)) {
      open.link.receive(fragment, frame(0x91, 0, 2, 'skip'));
    }
    open.link.receive(frame(0x91, FLAG_MORE, 2, 'skip'));
    expect(codesOf(open)).toEqual([]);
    expect(sink.seen).toEqual([['next', LONG], ['complete']]);
  });
});

describe('the memory of a chunk', () => {
  test('that is a fragment and nothing else is released', () => {
    const open = openPeer();
    const sink = new RecordingSink();
    open.peer.call('p', undefined, sink, NO_LIMIT);
    const fragments = fragmentsOf(FrameType.NEXT, FLAG_LAST | 2, 2, longJson, FRAGMENT_BYTES);
    open.link.receive(...fragments);
    expect(sink.seen).toEqual([['next', LONG], ['complete']]);
    // The last fragment is a few bytes, which are left to the garbage collector.
    expect(fragments.map(({ length }) => length)).toEqual([0, 0, 0, fragments[3]?.length]);
  });

  test('that somebody else has is kept', () => {
    const open = openPeer();
    const sink = new RecordingSink();
    open.peer.call('p', undefined, sink, NO_LIMIT);
    open.link.isUnshared = false;
    const fragments = fragmentsOf(FrameType.NEXT, FLAG_LAST | 2, 2, longJson, FRAGMENT_BYTES);
    const lengths = fragments.map(({ length }) => length);
    open.link.receive(...fragments);
    expect(sink.seen).toEqual([['next', LONG], ['complete']]);
    expect(fragments.map(({ length }) => length)).toEqual(lengths);
  });

  test('in which other frames stand is kept', () => {
    const open = openPeer();
    const sinks = [new RecordingSink(), new RecordingSink()];
    for (const sink of sinks) open.peer.call('p', undefined, sink, NO_LIMIT);
    const [first, ...others] = fragmentsOf(FrameType.NEXT, FLAG_LAST | 2, 2, longJson, FRAGMENT_BYTES);
    const bytes = Buffer.alloc(20_000, 'b');
    const answer = frame(FrameType.NEXT, FLAG_LAST | ValueForm.BYTES, 4, bytes);
    open.link.receive(Buffer.concat([answer, first ?? answer]), ...others);
    expect(sinks[1]?.seen).toEqual([['next', bytes], ['complete']]);
    expect(sinks[0]?.seen).toEqual([['next', LONG], ['complete']]);
  });
});

test('a frame of a type that may be skipped is skipped whatever its flags', () => {
  const open = openPeer();
  const sink = new RecordingSink();
  open.peer.call('p', undefined, sink, NO_LIMIT);
  open.link.receive(frame(0x91, FLAG_MORE, 2, 'skip'), valueFrame(FrameType.NEXT, FLAG_LAST, 2, 1));
  expect([codesOf(open), sink.seen]).toEqual([[], [['next', 1], ['complete']]]);
});

describe('what ends a stream while a value of it is under way in fragments', () => {
  test.each([
    ['a value that cannot be written', 1n, 'NOT_SERIALIZABLE'],
    ['a value that is too long', Buffer.alloc(300_000), 'PAYLOAD_TOO_LARGE'],
  ])('%s: the call fails, and the session goes on', (_name, value, code) => {
    // The link is full when the handler goes on: the value before has left in part.
    const [dialer, acceptor] = peerPair({ maxPayload: 250_000 });
    const [sink, other] = [new RecordingSink(), new RecordingSink()];
    dialer.peer.call('p', undefined, sink, NO_LIMIT);
    dialer.peer.call('other', undefined, other, NO_LIMIT);
    acceptor.link.takes = false;
    acceptor.calls[0]?.next(LONG);
    acceptor.calls[0]?.next(value);
    acceptor.link.drain();
    acceptor.calls[1]?.reply('fine');
    expect([codesOf(dialer), codesOf(acceptor)]).toEqual([[], []]);
    expect(sink.seen.at(-1)).toEqual(['error', code]);
    expect(other.seen).toEqual([['next', 'fine'], ['complete']]);
  });
});

describe('bodies whose call ends while they are under way leave nothing', () => {
  const rounds = MAX_FRAGMENTED_BODIES + 1;

  test('answers of calls that are cancelled', () => {
    const open = openPeer();
    const [begun = Buffer.alloc(0)] = fragmentsOf(FrameType.NEXT, FLAG_LAST | 2, 0, longJson, 1000);
    for (let round = 0; round < rounds; round++) {
      const call = open.peer.call('p', undefined, new RecordingSink(), NO_LIMIT);
      const fragment = Buffer.from(begun);
      fragment.writeUInt32BE(call.id, 2);
      open.link.receive(fragment);
      call.cancel();
    }
    expect(codesOf(open)).toEqual([]);
  });

  test.each(['reply', 'return'] as const)('payloads of calls whose handlers %s', async (end) => {
    const open = openPeer({ maxInFlight: 1000 });
    for (let round = 0; round < rounds; round++) {
      const id = 1 + 2 * round;
      const [begun = Buffer.alloc(0)] = fragmentsOf(FrameType.NEXT, 2, id, longJson, 1000);
      open.link.receive(callFrame(FrameType.REQUEST, FLAG_STREAM, id, {}), begun);
      if (end === 'reply') open.calls[round]?.reply(1);
      else await readerOf(open, round).return();
    }
    expect(codesOf(open)).toEqual([]);
  });
});

test('events in fragments come whole, however long and many, and hold up nothing', () => {
  const [dialer, acceptor] = peerPair({ maxPayload: 2 ** 22 }, { maxPayload: 2 ** 22, maxInFlight: 1000 });
  const lengths = [65_000, 70_000, 262_144, 300_000, 3_000_000];
  for (const { peer } of [dialer, acceptor])
    for (const length of lengths) peer.emit('e', Buffer.alloc(length), undefined);
  for (let index = 0; index <= MAX_FRAGMENTED_BODIES; index++)
    dialer.peer.emit('e', Buffer.alloc(300_000), undefined);
  const got = ({ calls }: TestPeer): number[] => calls.map(({ data }) => (data as Buffer).length);
  expect(got(dialer).toSorted((left, right) => left - right)).toEqual(lengths);
  expect(got(acceptor)).toHaveLength(lengths.length + MAX_FRAGMENTED_BODIES + 1);
  const sink = new RecordingSink();
  dialer.peer.call('p', Buffer.alloc(200_000), sink, NO_LIMIT);
  acceptor.calls.at(-1)?.reply(1);
  expect(sink.seen).toEqual([['next', 1], ['complete']]);
});

test('the bytes of an event are its own as soon as it is told to be written', () => {
  const [dialer, acceptor] = peerPair();
  dialer.link.takes = false;
  dialer.peer.emit('first', undefined, undefined);
  const bytes = [Buffer.alloc(20_000, 'a'), Buffer.alloc(200_000, 'a')];
  for (const data of bytes) dialer.peer.emit('e', data, undefined);
  dialer.peer.emit('e', encodeValue({ bytes: bytes[1] }), undefined);
  for (const data of bytes) data.fill('b');
  dialer.link.drain();
  const sent = acceptor.calls
    .slice(1)
    .map(({ data }) => (Buffer.isBuffer(data) ? data : (data as { bytes: Buffer }).bytes));
  expect(sent.map((data) => [data.length, data.every((byte) => byte === 97)])).toEqual([
    [20_000, true],
    [200_000, true],
    [200_000, true],
  ]);
});

test('an event in fragments leaves nothing once it has left', () => {
  const [dialer, acceptor] = peerPair();
  dialer.peer.emit('e', JSON.stringify(LONG), undefined);
  expect(acceptor.calls.map(({ pattern }) => pattern)).toEqual(['e']);
  const { flows } = dialer.peer as unknown as { flows: { sendWindows: Map<number, unknown> } };
  expect(flows.sendWindows.size).toBe(0);
});

describe('as many bodies in fragments as may be under way at once', () => {
  const one = Buffer.alloc(MAX_WHOLE_BODY_BYTES + 1);

  test('and no more are begun; the others follow', () => {
    const open = openPeer();
    open.link.takes = false;
    for (let index = 0; index < 3 * MAX_FRAGMENTED_BODIES; index++) {
      open.peer.call('p', Buffer.alloc(2 * FRAGMENT_BYTES), new RecordingSink(), NO_LIMIT);
    }
    const begun = new Set<number>();
    const done: number[] = [];
    for (let turns = 0; turns < 10 * MAX_FRAGMENTED_BODIES; turns++) {
      open.link.takes = false;
      open.link.drain();
      for (const { type, flags, id } of open.link.takeFrames()) {
        expect(type).toBe(FrameType.REQUEST);
        if ((flags & FLAG_MORE) !== 0) begun.add(id);
        else if (begun.delete(id)) done.push(id);
        expect(begun.size).toBeLessThanOrEqual(MAX_FRAGMENTED_BODIES);
      }
    }
    expect(done).toHaveLength(3 * MAX_FRAGMENTED_BODIES);
  });

  test('one that was told to begin, and is cancelled first, lets the next begin', () => {
    const open = openPeer({ maxInFlight: 1000 });
    const body = Buffer.alloc(900_000);
    for (let index = 0; index <= MAX_FRAGMENTED_BODIES + 1; index++)
      open.link.receive(requestFrame(1 + 2 * index));
    for (const call of open.calls.slice(0, MAX_FRAGMENTED_BODIES)) {
      call.next(body);
      call.next(body);
    }
    const [first, second] = open.calls.slice(MAX_FRAGMENTED_BODIES);
    first?.reply(one);
    second?.reply(one);
    open.link.takeFrames();
    // With the link full, the place of the one that ends goes to the first, which has not begun when it is cancelled.
    open.link.takes = false;
    open.peer.emit('fills the link', undefined, undefined);
    open.link.receive(frame(FrameType.CANCEL, 0, 1), frame(FrameType.CANCEL, 0, first?.id ?? 0));
    open.link.drain();
    expect(open.link.takeFrames().map(({ id }) => id)).toContain(second?.id);
  });

  test('a body that cannot go on for want of credit keeps its place until its call is over', () => {
    const open = openPeer({ maxInFlight: 1000 });
    const body = Buffer.alloc(900_000);
    // More than the credit of a call: each answer stops in its middle.
    for (let index = 0; index <= MAX_FRAGMENTED_BODIES + 1; index++)
      open.link.receive(requestFrame(1 + 2 * index));
    for (const call of open.calls.slice(0, MAX_FRAGMENTED_BODIES)) {
      call.next(body);
      call.next(body);
    }
    open.link.takeFrames();
    const [waiting, other] = open.calls.slice(MAX_FRAGMENTED_BODIES);
    // This one stops in its middle as well, and goes on asking meanwhile.
    for (const value of [body, body]) waiting?.next(value);
    for (let index = 0; index < 100; index++) waiting?.next(index);
    other?.reply(one);
    expect(open.link.takeFrames()).toEqual([]);
    // The others end, and nothing else wakes those that wait.
    for (let index = 0; index < MAX_FRAGMENTED_BODIES; index++) {
      open.link.receive(frame(FrameType.CANCEL, 0, 1 + 2 * index));
    }
    const ids = new Set(open.link.takeFrames().map(({ id }) => id));
    expect([...ids].toSorted((left, right) => left - right)).toEqual([waiting?.id, other?.id]);
  });
});

test('a request in fragments under an id in use ends the session', () => {
  const open = openPeer();
  open.link.receive(requestFrame(1));
  open.link.receive(...fragmentsOf(FrameType.REQUEST, 2, 1, requestBody({ json: '1' }), 2));
  expect(codesOf(open)).toEqual(['PROTOCOL_ERROR']);
});
