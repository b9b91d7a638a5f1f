import { describe, expect, test } from 'vitest';
import { N2NError } from '../../src/n2n-error.js';
import { MAX_ID } from '../../src/limits.js';
import type { Peer } from '../../src/rpc/peer.js';
import { FLAG_LAST, FrameType } from '../../src/protocol/frames/frame.js';
import { encodeValue } from '../../src/protocol/values/value.js';
import { frame } from '../support/fake-link.js';
import { openPeer, peerPair, RecordingSink, requestFrame } from '../support/peers.js';

const NO_LIMIT = { timeout: 0 };

function callOf(peer: Peer, pattern: string, value?: unknown): RecordingSink {
  const sink = new RecordingSink();
  peer.call(pattern, encodeValue(value), sink, NO_LIMIT);
  return sink;
}

describe('answers, in both directions', () => {
  test.each([
    ['dialer calls', 0],
    ['acceptor calls', 1],
  ])('%s', (_name, caller) => {
    const pair = peerPair();
    const [from, to] = caller === 0 ? pair : [pair[1], pair[0]];
    const one = callOf(from.peer, 'one', { a: 1 });
    const many = callOf(from.peer, 'many', Buffer.from('x'));
    const none = callOf(from.peer, 'none');
    const [first, second, third] = to.calls;
    expect(to.calls.map(({ pattern, data, content }) => [pattern, data, content.kind])).toEqual([
      ['one', { a: 1 }, 'call'],
      ['many', Buffer.from('x'), 'call'],
      ['none', undefined, 'call'],
    ]);
    second?.next(1);
    third?.complete();
    second?.next(2);
    first?.reply('one');
    second?.complete();
    expect(one.seen).toEqual([['next', 'one'], ['complete']]);
    expect(many.seen).toEqual([['next', 1], ['next', 2], ['complete']]);
    expect(none.seen).toEqual([['complete']]);
  });

  test("errors: a handler's as it is, the library's as an N2NError with its details", () => {
    const [{ peer }, { calls }] = peerPair();
    const [plain, ours] = [callOf(peer, 'a'), callOf(peer, 'b')];
    calls[0]?.fail({ status: 'error', message: 'x' });
    calls[1]?.fail(new N2NError('OVERLOADED', 'Full.', { details: { limit: 5 } }));
    expect(plain.seen).toEqual([['error', { status: 'error', message: 'x' }]]);
    expect(ours.seen).toEqual([['error', 'OVERLOADED']]);
  });

  test('what follows the end of a call is not sent', () => {
    const { link, calls } = openPeer();
    link.receive(requestFrame(1));
    const [call] = calls;
    call?.reply(1);
    call?.reply(2);
    call?.next(3);
    call?.fail('late');
    call?.complete();
    expect(link.takeFrames().map(({ type, flags }) => [type, flags & FLAG_LAST])).toEqual([
      [FrameType.NEXT, FLAG_LAST],
    ]);
  });

  test('events are not answered, whatever their handlers do', () => {
    const [{ peer, link }, { calls, peer: other }] = peerPair();
    for (let index = 0; index < 4; index++) peer.emit('e', '1', undefined);
    link.takeFrames();
    calls[0]?.reply(1);
    calls[1]?.fail(new Error('x'));
    calls[2]?.next(1);
    calls[3]?.complete();
    expect(calls.map(({ content }) => content.kind)).toEqual(['event', 'event', 'event', 'event']);
    expect(other.canCall).toBe(true);
  });

  test('metadata come with the call', () => {
    const [{ peer }, { calls }] = peerPair();
    peer.call('p', '1', new RecordingSink(), { timeout: 0, metadata: '{"trace":"é"}' });
    peer.emit('p', '1', '5');
    expect(calls.map(({ content }) => content.envelope)).toEqual([{ trace: 'é' }, 5]);
  });
});

describe('values that cannot be sent fail their own call', () => {
  test.each([
    ['a bigint', 1n, 'NOT_SERIALIZABLE'],
    ['a function', () => 1, 'NOT_SERIALIZABLE'],
    ['too many bytes', Buffer.alloc(2001), 'PAYLOAD_TOO_LARGE'],
  ])('%s: as the answer, within a stream, and as an error', (_name, value, code) => {
    const stopped: string[] = [];
    const [dialer, acceptor] = peerPair({ maxPayload: 2000 });
    const sinks = ['answer', 'stream', 'error', 'other'].map((pattern) => callOf(dialer.peer, pattern));
    const [answer, stream, error, other] = acceptor.calls;
    stream?.whenCancelled(() => stopped.push('stream'));
    answer?.reply(value);
    stream?.next(1);
    stream?.next(value);
    stream?.next(2);
    error?.fail(value);
    other?.reply('fine');
    expect(sinks.map(({ seen }) => seen)).toEqual([
      [['error', code]],
      [
        ['next', 1],
        ['error', code],
      ],
      [['error', code]],
      [['next', 'fine'], ['complete']],
    ]);
    expect(stopped).toEqual(['stream']);
    expect(dialer.peer.canCall).toBe(true);
  });
});

describe('values that cannot be read', () => {
  test.each([
    ['as the last answer', frame(FrameType.NEXT, FLAG_LAST | 1, 2, '{'), []],
    ['within a stream, which is told to stop', frame(FrameType.NEXT, 1, 2, '{'), [FrameType.CANCEL]],
    ['as an error', frame(FrameType.ERROR, 1, 2, '{'), []],
    ['in a form that is none', frame(FrameType.NEXT, FLAG_LAST | 6, 2, '1'), []],
  ])('%s fail their own call', (_name, answer, said) => {
    const { link, peer } = openPeer();
    const [bad, good] = [callOf(peer, 'bad'), callOf(peer, 'good')];
    link.takeFrames();
    link.receive(answer, frame(FrameType.NEXT, FLAG_LAST | 1, 4, '"fine"'));
    expect(bad.seen).toEqual([['error', 'PROTOCOL_ERROR']]);
    expect(good.seen).toEqual([['next', 'fine'], ['complete']]);
    expect(link.takeFrames().map(({ type }) => type)).toEqual(said);
  });

  test('in a request fail that request', () => {
    const { link, calls, closed } = openPeer();
    link.receive(requestFrame(1, 'bad', '{'), requestFrame(3, 'good', '1'));
    expect(calls.map(({ pattern }) => pattern)).toEqual(['good']);
    const [said] = link.takeFrames();
    expect(said).toMatchObject({ type: FrameType.ERROR, id: 1 });
    expect(JSON.parse(String(said?.body))).toMatchObject({ code: 'PROTOCOL_ERROR' });
    expect(closed).toEqual([]);
  });
});

describe('ids', () => {
  test('are odd for the side that dialed and even for the other, each used once', () => {
    const [dialer, acceptor] = peerPair();
    for (const { peer, link } of [dialer, acceptor]) {
      link.takeFrames();
      for (let index = 0; index < 3; index++) callOf(peer, 'p');
      peer.emit('e', undefined, undefined);
    }
    expect(dialer.link.takeFrames().map(({ id }) => id)).toEqual([1, 3, 5, 7]);
    expect(acceptor.link.takeFrames().map(({ id }) => id)).toEqual([2, 4, 6, 8]);
  });

  test.each(['dialer', 'acceptor'] as const)('%s: go round, past those that are in use', (role) => {
    const [dialer, acceptor] = peerPair();
    const { peer, link } = role === 'dialer' ? dialer : acceptor;
    const first = role === 'dialer' ? 1 : 2;
    callOf(peer, 'long stream');
    // No test can make two thousand million calls.
    const { outgoing } = peer as unknown as { outgoing: { ids: { following: number } } };
    outgoing.ids.following = MAX_ID - 2 + ((MAX_ID - first) % 2);
    link.takeFrames();
    for (let index = 0; index < 4; index++) callOf(peer, 'p');
    const ids = link.takeFrames().map(({ id }) => id);
    expect(ids.every((id) => id > 0 && id <= MAX_ID && id % 2 === first % 2)).toBe(true);
    expect(ids[0]).toBeGreaterThan(MAX_ID - 4);
    expect(ids.at(-1)).toBeGreaterThan(first);
    expect(ids.at(-1)).toBeLessThan(10);
    expect(new Set(ids).size).toBe(4);
    expect(ids).not.toContain(first);
  });

  test.each([
    ['of our own parity', [requestFrame(2)]],
    ['in use', [requestFrame(1), requestFrame(1)]],
  ])('%s are refused', (_name, chunks) => {
    const { link, closed } = openPeer();
    link.receive(...chunks);
    expect(closed.map(({ code }) => code)).toEqual(['PROTOCOL_ERROR']);
  });

  test('may come again when the call is over', () => {
    const { link, calls, closed } = openPeer({ onCall: (call) => call.reply(1) });
    link.receive(requestFrame(1), requestFrame(1), requestFrame(1));
    expect([calls.length, closed]).toEqual([3, []]);
  });
});

describe('frames nobody waits for', () => {
  test.each([
    ['answers to calls that were never made', frame(FrameType.NEXT, 1, 100, '1')],
    ['the end of such a call', frame(FrameType.COMPLETE, 0, 100)],
    ['its error', frame(FrameType.ERROR, 1, 100, '1')],
    ['the end of a call that never came', frame(FrameType.CANCEL, 0, 101)],
    ['types that may be skipped', frame(0x80, 0, 101, 'whatever')],
    ['types that may be skipped, under an id of ours', frame(0xff, 0, 100, 'whatever')],
  ])('%s change nothing', (_name, bytes) => {
    const { link, peer, closed } = openPeer();
    const sink = callOf(peer, 'p');
    link.receive(bytes, frame(FrameType.NEXT, FLAG_LAST | 1, 2, '5'));
    expect([sink.seen, closed]).toEqual([[['next', 5], ['complete']], []]);
  });

  test.each([0, 9, 0x7f])('type %i may not be skipped', (type) => {
    const { link, peer, closed } = openPeer();
    const sink = callOf(peer, 'p');
    link.receive(frame(type, 0, 1, ''));
    expect(closed.map(({ code }) => code)).toEqual(['PROTOCOL_ERROR']);
    expect(sink.seen).toEqual([['error', 'PROTOCOL_ERROR']]);
  });
});
