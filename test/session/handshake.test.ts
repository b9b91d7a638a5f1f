import { describe, expect, test } from 'vitest';
import type { N2NError } from '../../src/n2n-error.js';
import { FrameType } from '../../src/protocol/frames/frame.js';
import { PROTOCOL_VERSION, readHello, type Hello } from '../../src/protocol/frames/hello.js';
import { Handshake, sayHello } from '../../src/session/handshake.js';
import { FakeLink, frame } from '../support/fake-link.js';
import { FakeClock } from '../support/fake-clock.js';
import { helloFrame, openPeer, requestFrame } from '../support/peers.js';

/** A handshake under way, and what came of it. */
function begin(timeout = 10_000) {
  const link = new FakeLink();
  const clock = new FakeClock();
  const hellos: Hello[] = [];
  const failed: N2NError[] = [];
  const handshake = new Handshake(link, { codec: 'json', timeout, clock });
  handshake.begin({ onHello: (hello) => hellos.push(hello), onFailed: (error) => failed.push(error) });
  return { link, clock, hellos, failed, handshake };
}

test('HELLO stands alone in its chunk, and says what it was given', () => {
  const link = new FakeLink();
  sayHello(link, { maxPayload: 77_777, codec: 'json', window: 5000, ticket: { id: 'a', token: 'b' } });
  const [{ type, id, body }, ...others] = link.takeFrames();
  expect([type, id, others]).toEqual([FrameType.HELLO, 0, []]);
  expect(readHello(body, 0, body.length)).toEqual({
    version: PROTOCOL_VERSION,
    maxPayload: 77_777,
    codec: 'json',
    window: 5000,
    ticket: { id: 'a', token: 'b' },
  });
});

test("the other side's HELLO ends it, and the link is for who takes it", () => {
  const { link, clock, hellos, failed } = begin();
  link.receive(Buffer.alloc(0), helloFrame(5000));
  expect(hellos).toMatchObject([{ maxPayload: 5000, codec: 'json' }]);
  expect([failed, clock.armed, link.closedWith]).toEqual([[], [], undefined]);
});

describe('a side that says no HELLO', () => {
  test('is given up after the timeout, not before', () => {
    const { link, clock, failed } = begin(3000);
    clock.advance(2999);
    expect(failed).toEqual([]);
    clock.advance(1);
    expect(failed.map(({ code }) => code)).toEqual(['CONNECT_FAILED']);
    expect(link.closedWith).toContain('3000 ms');
  });

  test('leaves no timer when the link breaks first', () => {
    const { link, clock, failed } = begin();
    link.break('transport close');
    expect([clock.armed, failed.map(({ code }) => code)]).toEqual([[], ['CONNECTION_LOST']]);
  });

  test('leaves no timer when it is cancelled, and is told why; nobody else is', () => {
    const { link, clock, failed, handshake } = begin();
    handshake.cancel({ code: 'CLOSED', message: 'Done.' } as N2NError);
    link.receive(helloFrame());
    expect([clock.armed, failed, link.closedWith]).toEqual([[], [], 'Done.']);
    expect(link.takeFrames().map(({ type, id }) => [type, id])).toEqual([[FrameType.ERROR, 0]]);
  });
});

describe('what cannot be talked to', () => {
  test.each([
    ['another version', helloFrame(1024, PROTOCOL_VERSION + 1), 'VERSION_MISMATCH'],
    ['another codec', helloWith({ maxPayload: 1024, codec: 'v8' }), 'VERSION_MISMATCH'],
    ['a request before HELLO', requestFrame(1), 'PROTOCOL_ERROR'],
    ['a reply before HELLO', frame(FrameType.NEXT, 1, 2, '1'), 'PROTOCOL_ERROR'],
    ['HELLO under the id of a call', frame(FrameType.HELLO, 0, 1, ''), 'PROTOCOL_ERROR'],
    ['a skippable type', frame(0x99, 0, 0, ''), 'PROTOCOL_ERROR'],
    ['half a frame', helloFrame().subarray(0, 12), 'PROTOCOL_ERROR'],
    ['HELLO that does not stand alone', Buffer.concat([helloFrame(), requestFrame(1)]), 'PROTOCOL_ERROR'],
  ])('%s is refused once, and told why', (_name, chunk, code) => {
    const { link, clock, hellos, failed } = begin();
    link.receive(chunk, helloFrame());
    expect([hellos, failed.map((error) => error.code), clock.armed]).toEqual([[], [code], []]);
    const [said] = link.takeFrames();
    expect(said).toMatchObject({ type: FrameType.ERROR, id: 0 });
    expect(JSON.parse(String(said.body))).toMatchObject({ code });
    expect(link.closedWith).toBeDefined();
  });

  function helloWith(rest: object): Buffer {
    const head = Buffer.from([PROTOCOL_VERSION >>> 8, PROTOCOL_VERSION & 0xff]);
    return frame(FrameType.HELLO, 0, 0, Buffer.concat([head, Buffer.from(JSON.stringify(rest))]));
  }
});

describe('the end that the other side gives', () => {
  const said = [
    ['a code of ours', '{"code":"OVERLOADED","message":"m"}', 'OVERLOADED'],
    ['a code that we do not know', '{"code":"BORED","message":"m"}', 'PROTOCOL_ERROR'],
    ['that it was closed there', '{"code":"CLOSED","message":"m"}', 'CONNECTION_LOST'],
    ['no object', '5', 'PROTOCOL_ERROR'],
    ['null', 'null', 'PROTOCOL_ERROR'],
    ['no JSON', '{', 'PROTOCOL_ERROR'],
    ['a message that is no text', '{"code":"CLOSED","message":{"toString":1}}', 'CONNECTION_LOST'],
  ] as const;

  test.each(said)('in place of HELLO: %s', (_name, json, code) => {
    const { link, failed } = begin();
    link.receive(frame(FrameType.ERROR, 0x08 | 1, 0, json));
    expect([failed.map((error) => error.code), link.closedWith !== undefined]).toEqual([[code], true]);
  });

  test.each(said)('of a session: %s', (_name, json, code) => {
    const { link, closed } = openPeer();
    link.receive(frame(FrameType.ERROR, 0x08 | 1, 0, json));
    expect([closed.map((error) => error.code), link.closedWith !== undefined]).toEqual([[code], true]);
  });
});

test.each([
  ['HELLO again', helloFrame()],
  ['HELLO under the id of a call', frame(FrameType.HELLO, 0, 1, '')],
  ['a request under the id of the session', requestFrame(0)],
  ['half a frame', requestFrame(1).subarray(0, 12)],
])('%s ends a session once, with PROTOCOL_ERROR', (_name, chunk) => {
  const { link, closed, calls } = openPeer();
  link.receive(chunk, requestFrame(3));
  expect([closed.map(({ code }) => code), calls, link.closedWith !== undefined]).toEqual([
    ['PROTOCOL_ERROR'],
    [],
    true,
  ]);
});

test('each side heeds the maxPayload of the other, not its own', () => {
  const { peer } = openPeer({ maxPayload: 2000, maxSend: 5000 });
  const sink = { next: () => {}, complete: () => {}, error: () => {} };
  const send = (length: number) => peer.call('p', Buffer.alloc(length), sink, { timeout: 0 });
  send(5000);
  expect(() => send(5001)).toThrow('takes 5000');
});
