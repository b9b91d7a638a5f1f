import { describe, expect, test } from 'vitest';
import type { IncomingCall } from '../../src/rpc/incoming/incoming-call.js';
import { FLAG_LAST, FLAG_MORE, FrameType } from '../../src/protocol/frames/frame.js';
import { frame } from '../support/fake-link.js';
import { fragmentsOf, u32 } from '../support/frames.js';
import { openPeer, requestFrame } from '../support/peers.js';

const WAITING_PER_SERVED = 64;

function requests(count: number, from = 1): Buffer {
  return Buffer.concat(
    Array.from({ length: count }, (_, index) => requestFrame(from + 2 * index, String(index))),
  );
}

describe('calls served at once', () => {
  test('are as many as allowed; the others follow in order', () => {
    const { link, calls } = openPeer({ maxInFlight: 3 });
    link.receive(requests(10));
    const patterns = (): string[] => calls.map(({ pattern }) => pattern);
    expect(patterns()).toEqual(['0', '1', '2']);
    calls[1]?.reply(1);
    expect(patterns()).toEqual(['0', '1', '2', '3']);
    calls[0]?.fail('x');
    calls[2]?.complete();
    expect(patterns()).toEqual(['0', '1', '2', '3', '4', '5']);
  });

  test.each([
    ['reply', (call: IncomingCall) => call.reply(1)],
    ['complete', (call: IncomingCall) => call.complete()],
    ['fail', (call: IncomingCall) => call.fail('x')],
  ] as const)('are answered before the next one begins: %s', (_name, answer) => {
    const { link, calls } = openPeer({
      maxInFlight: 1,
      // The first handler takes its time; those that wait for its slot answer as soon as they run.
      onCall: (call) => {
        if (call.pattern !== '0') answer(call);
      },
    });
    link.receive(requests(3));
    expect(link.takeFrames()).toEqual([]);
    const [first] = calls;
    if (first !== undefined) answer(first);
    expect(link.takeFrames().map(({ id }) => id)).toEqual([1, 3, 5]);
  });

  test('give up their slot also when the answer cannot be written', () => {
    const { link, calls } = openPeer({ maxInFlight: 1 });
    link.receive(requests(2));
    calls[0]?.reply(1n);
    expect(calls.map(({ pattern }) => pattern)).toEqual(['0', '1']);
    expect(link.takeFrames().map(({ type, id }) => [type, id])).toEqual([[FrameType.ERROR, 1]]);
  });

  test('events count as well, until their handlers have ended', () => {
    const { link, calls } = openPeer({ maxInFlight: 1 });
    link.receive(requestFrame(1, 'event', '1', FrameType.EVENT), requestFrame(3, 'call'));
    expect(calls).toHaveLength(1);
    calls[0]?.complete();
    expect(calls.map(({ pattern }) => pattern)).toEqual(['event', 'call']);
  });
});

describe('calls beyond those that may wait', () => {
  test('fail with OVERLOADED, at once and alone', () => {
    const { link, calls, closed } = openPeer({ maxInFlight: 2 });
    const most = 2 + 2 * WAITING_PER_SERVED;
    link.receive(requests(most + 3));
    const refused = link.takeFrames();
    expect(refused.map(({ type, id }) => [type, id])).toEqual(
      [most, most + 1, most + 2].map((index) => [FrameType.ERROR, 1 + 2 * index]),
    );
    expect(JSON.parse(String(refused[0]?.body))).toMatchObject({ code: 'OVERLOADED' });
    for (let served = 0; served < calls.length; served++) calls[served]?.reply(1);
    expect([calls.length, closed]).toEqual([most, []]);
    expect(link.takeFrames().every(({ flags }) => (flags & FLAG_LAST) !== 0)).toBe(true);
  });

  test('have room when those that wait have been cancelled', () => {
    const { link, calls } = openPeer({ maxInFlight: 1 });
    link.receive(requests(1 + WAITING_PER_SERVED));
    for (let index = 1; index <= WAITING_PER_SERVED; index++) {
      link.receive(frame(FrameType.CANCEL, 0, 1 + 2 * index));
    }
    link.receive(requestFrame(9001, 'quick'));
    expect(link.takeFrames()).toEqual([]);
    calls[0]?.reply(1);
    expect(calls.map(({ pattern }) => pattern)).toEqual(['0', 'quick']);
  });

  test('that are made and cancelled without end are not kept', () => {
    const open = openPeer({ maxInFlight: 1 });
    open.link.receive(requestFrame(1));
    for (let id = 3; id < 20_000; id += 2)
      open.link.receive(requestFrame(id), frame(FrameType.CANCEL, 0, id));
    const { queue } = open.peer as unknown as { queue: { waiting: { size: number } } };
    expect(queue.waiting.size).toBeLessThan(2000);
    expect(open.link.takeFrames()).toEqual([]);
  });

  test('have room again when calls have ended', () => {
    const { link, calls } = openPeer({ maxInFlight: 1 });
    link.receive(requests(1 + WAITING_PER_SERVED));
    calls[0]?.reply(1);
    link.takeFrames();
    link.receive(requestFrame(9001), requestFrame(9003));
    expect(link.takeFrames().map(({ id }) => id)).toEqual([9003]);
  });
});

test('handlers that end at once take no more stack however many calls wait for one', () => {
  const held: IncomingCall[] = [];
  const { link, calls, closed } = openPeer({
    maxInFlight: 500,
    maxPending: 2 ** 30,
    onCall: (call) => {
      if (held.length < 500) held.push(call);
      else call.reply(1);
    },
  });
  const count = 500 + 500 * WAITING_PER_SERVED;
  link.receive(requests(count));
  expect(calls).toHaveLength(500);
  expect(() => held[0]?.reply(1)).not.toThrow();
  expect([calls.length, closed]).toEqual([count, []]);
});

describe('payloads in fragments', () => {
  const whole = requestFrame(1, 'p', JSON.stringify('x'.repeat(100))).subarray(10);

  test('are put together, with other calls in between', () => {
    const { link, calls } = openPeer({ maxInFlight: 100 });
    fragmentsOf(FrameType.REQUEST, 1, 1, whole, 7).forEach((fragment, index) => {
      if (index > 0) link.receive(requestFrame(101 + 2 * index, 'small'));
      link.receive(fragment);
    });
    expect(calls.at(-1)).toMatchObject({ pattern: 'p', data: 'x'.repeat(100) });
    expect(calls.filter(({ pattern }) => pattern === 'small')).toHaveLength(Math.ceil(whole.length / 7) - 1);
  });

  test('that pass what was agreed end the session', () => {
    const { link, closed, calls } = openPeer({ maxPayload: 1024 });
    link.receive(
      frame(FrameType.REQUEST, FLAG_MORE, 1, Buffer.concat([u32(1024 + 256 * 1024 + 1), Buffer.alloc(10)])),
    );
    expect(closed.map(({ code }) => code)).toEqual(['PROTOCOL_ERROR']);
    expect(calls).toEqual([]);
  });

  test('that never end, of a hundred thousand calls, end the session', () => {
    const { link, closed } = openPeer();
    for (let id = 1; id < 200_000 && closed.length === 0; id += 2) {
      link.receive(frame(FrameType.REQUEST, FLAG_MORE, id, Buffer.concat([u32(5), Buffer.from('x')])));
    }
    expect(closed.map(({ code }) => code)).toEqual(['PROTOCOL_ERROR']);
  });
});
