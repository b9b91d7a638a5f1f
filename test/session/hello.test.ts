import { describe, expect, test } from 'vitest';
import { FrameType } from '../../src/protocol/frame.js';
import { PROTOCOL_VERSION, readHello } from '../../src/protocol/hello.js';
import { FakeLink, frame, type SeenFrame } from '../support/fake-link.js';
import { helloFrame, peerPair, requestFrame, startPeer } from '../support/peers.js';

function helloIn(frames: SeenFrame[]): unknown {
  expect(frames.map(({ type, id }) => [type, id])).toEqual([[FrameType.HELLO, 0]]);
  const body = frames[0]?.body ?? Buffer.alloc(0);
  return readHello(body, 0, body.length);
}

test('the side that dialled speaks first, and is open when the other has answered', () => {
  const { link, peer, opened } = startPeer(new FakeLink(), { role: 'dialer', maxPayload: 77_777 });
  expect(helloIn(link.takeFrames())).toEqual({
    version: PROTOCOL_VERSION,
    maxPayload: 77_777,
    codec: 'json',
  });
  expect([peer.isOpen, opened()]).toEqual([false, 0]);
  link.receive(helloFrame());
  expect([peer.isOpen, opened()]).toEqual([true, 1]);
  expect(link.takeFrames()).toEqual([]);
});

test('the side that accepted says nothing until it is spoken to', () => {
  const { link, peer } = startPeer(new FakeLink(), { role: 'acceptor', maxPayload: 55_555 });
  expect(link.takeFrames()).toEqual([]);
  link.receive(helloFrame());
  expect(helloIn(link.takeFrames())).toEqual({
    version: PROTOCOL_VERSION,
    maxPayload: 55_555,
    codec: 'json',
  });
  expect(peer.isOpen).toBe(true);
});

test('each side heeds the maxPayload of the other, not its own', () => {
  const [dialer, acceptor] = peerPair({ maxPayload: 2000 }, { maxPayload: 5000 });
  const sink = { next: () => {}, complete: () => {}, error: () => {} };
  const send = (length: number) => dialer.peer.call('p', Buffer.alloc(length), sink, { timeout: 0 });
  send(5000);
  expect(() => send(5001)).toThrow('takes 5000');
  expect(acceptor.calls).toHaveLength(1);
});

test('a request in the same chunk as HELLO is served', () => {
  const { link, calls } = startPeer(new FakeLink());
  link.receive(Buffer.concat([helloFrame(), requestFrame(1, 'early', '5')]));
  expect(calls.map(({ pattern, data }) => [pattern, data])).toEqual([['early', 5]]);
});

describe('a side that says no HELLO', () => {
  test.each(['dialer', 'acceptor'] as const)('%s: is given up after the timeout, not before', (role) => {
    const { link, clock, closed } = startPeer(new FakeLink(), { role, helloTimeout: 3000 });
    clock.advance(2999);
    expect(closed).toEqual([]);
    clock.advance(1);
    expect(closed.map(({ code }) => code)).toEqual(['CONNECT_FAILED']);
    expect(link.closedWith).toContain('3000 ms');
  });

  test('leaves no timer when the link breaks first, or HELLO comes', () => {
    const broken = startPeer(new FakeLink());
    broken.link.break('transport close');
    const open = startPeer(new FakeLink());
    open.link.receive(helloFrame());
    expect([broken.clock.armed, open.clock.armed]).toEqual([[], []]);
    expect(broken.closed.map(({ code }) => code)).toEqual(['CONNECTION_LOST']);
  });
});

describe('another version', () => {
  test('ends the session, and the other side is told why', () => {
    const { link, closed } = startPeer(new FakeLink());
    link.receive(helloFrame(1000, PROTOCOL_VERSION + 1));
    expect(closed.map(({ code }) => code)).toEqual(['VERSION_MISMATCH']);
    const [said] = link.takeFrames();
    expect(said).toMatchObject({ type: FrameType.ERROR, id: 0 });
    expect(JSON.parse(String(said?.body))).toMatchObject({ code: 'VERSION_MISMATCH' });
    expect(link.closedWith).toBeDefined();
  });

  test('is learnt from the other side before it has said HELLO', () => {
    const { link, closed } = startPeer(new FakeLink(), { role: 'dialer' });
    link.receive(frame(FrameType.ERROR, 0x08 | 1, 0, '{"code":"VERSION_MISMATCH","message":"Too old."}'));
    expect(closed.map(({ code, message }) => [code, message])).toEqual([
      ['VERSION_MISMATCH', 'The other side says: Too old.'],
    ]);
  });
});

describe('out of order', () => {
  test.each([
    ['a request before HELLO', [requestFrame(1)]],
    ['a reply before HELLO', [frame(FrameType.NEXT, 1, 2, '1')]],
    ['HELLO twice', [helloFrame(), helloFrame()]],
    ['HELLO under the id of a call', [helloFrame(), frame(FrameType.HELLO, 0, 1, '')]],
    ['a request under the id of the session', [helloFrame(), requestFrame(0)]],
    ['a skippable type under the id of the session, before HELLO', [frame(0x99, 0, 0, '')]],
    ['half a frame', [helloFrame().subarray(0, 12)]],
  ])('%s ends the session once, with PROTOCOL_ERROR', (_name, chunks) => {
    const { link, closed, calls } = startPeer(new FakeLink());
    link.receive(...chunks);
    link.receive(requestFrame(3));
    expect(closed.map(({ code }) => code)).toEqual(['PROTOCOL_ERROR']);
    expect(link.closedWith).toBeDefined();
    expect(calls).toEqual([]);
  });
});

describe('the end that the other side gives', () => {
  test.each([
    ['a code of ours', '{"code":"OVERLOADED","message":"m"}', 'OVERLOADED'],
    ['a code that we do not know', '{"code":"BORED","message":"m"}', 'PROTOCOL_ERROR'],
    ['no object', '5', 'PROTOCOL_ERROR'],
    ['null', 'null', 'PROTOCOL_ERROR'],
    ['no JSON', '{', 'PROTOCOL_ERROR'],
    ['a message that is no text', '{"code":"CLOSED","message":{"toString":1}}', 'PROTOCOL_ERROR'],
  ])('%s', (_name, json, code) => {
    const { link, closed } = startPeer(new FakeLink());
    link.receive(helloFrame(), frame(FrameType.ERROR, 0x08 | 1, 0, json));
    expect(closed.map((error) => error.code)).toEqual([code]);
    expect(link.closedWith).toBeDefined();
  });
});
