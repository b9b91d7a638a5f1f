import { N2NError } from '../../src/n2n-error.js';
import type { IncomingCall } from '../../src/rpc/incoming/incoming-call.js';
import type { CallSink } from '../../src/rpc/outgoing/outgoing-call.js';
import { Peer } from '../../src/rpc/peer.js';
import type { PeerEvents, PeerOptions } from '../../src/rpc/peer-options.js';
import { jsonCodec } from '../../src/protocol/values/codec.js';
import { FrameType } from '../../src/protocol/frames/frame.js';
import { PROTOCOL_VERSION, writeHello } from '../../src/protocol/frames/hello.js';
import { FakeLink, frame, linkPair, type CrossedLink, type Delivery } from './fake-link.js';
import { FakeClock } from './fake-clock.js';

/** A peer with what happened to it. */
export interface TestPeer {
  readonly peer: Peer;
  readonly link: FakeLink;
  readonly clock: FakeClock;
  readonly calls: IncomingCall[];
  readonly closed: N2NError[];
  /** What was to stop a handler, and threw. */
  readonly faults: unknown[];
  /** What else its owner was told. */
  readonly told: unknown[];
}

interface PairedPeer extends TestPeer {
  readonly link: CrossedLink;
}

export interface TestPeerOptions extends Partial<PeerOptions> {
  /** Handles calls; without it they are only recorded. */
  onCall?: (call: IncomingCall) => void;
}

/** The HELLO that another side would send. */
export function helloFrame(maxPayload = 1_000_000, version = PROTOCOL_VERSION): Buffer {
  return frame(FrameType.HELLO, 0, 0, writeHello({ version, maxPayload, codec: 'json', window: 0 }));
}

/** A peer past the handshake, without a link. */
export function startPeer({ onCall, ...options }: TestPeerOptions = {}, link = new FakeLink()): TestPeer {
  const clock = new FakeClock();
  const calls: IncomingCall[] = [];
  const closed: N2NError[] = [];
  const faults: unknown[] = [];
  const told: unknown[] = [];
  const events: PeerEvents = {
    onSuspended: () => void told.push('suspended'),
    onGoAway: (retryAfter: number) => void told.push(['go away', retryAfter]),
    onDrained: () => void told.push('drained'),
    onCall: (call: IncomingCall) => {
      calls.push(call);
      onCall?.(call);
    },
    onFault: (error: unknown) => void faults.push(error),
    onClosed: (error: N2NError) => void closed.push(error),
  };
  const peer = new Peer(events, {
    role: 'acceptor',
    info: { id: 'test', role: 'acceptor', connection: 'test', address: '', window: 0 },
    maxPayload: 1_000_000,
    maxSend: 1_000_000,
    maxInFlight: 10,
    window: 0,
    maxReplay: 1_000_000,
    maxPending: 1_000_000,
    clock,
    codec: jsonCodec,
    // At once, so that what a test has just done is on the link in the next line.
    defer: (task) => task(),
    ...options,
  });
  return { peer, link, clock, calls, closed, faults, told };
}

/** A peer that is open, across from a test that writes its frames by hand. */
export function openPeer(options: TestPeerOptions = {}): TestPeer {
  const test = startPeer(options);
  test.peer.attach(test.link);
  return test;
}

/**
 * Two peers that know each other's maxPayload, as after HELLO.
 * @param delivery when what one writes comes to the other: at once, or with `link.deliver()` of the side that gets it
 */
export function peerPair(
  left: TestPeerOptions = {},
  right: TestPeerOptions = {},
  delivery: Delivery = 'at once',
): [PairedPeer, PairedPeer] {
  const [leftLink, rightLink] = linkPair(delivery);
  const acceptor = startPeer(
    { maxSend: left.maxPayload ?? 1_000_000, ...right, role: 'acceptor' },
    rightLink,
  );
  const dialer = startPeer({ maxSend: right.maxPayload ?? 1_000_000, ...left, role: 'dialer' }, leftLink);
  acceptor.peer.attach(rightLink);
  dialer.peer.attach(leftLink);
  return [
    { ...dialer, link: leftLink },
    { ...acceptor, link: rightLink },
  ];
}

/** A REQUEST or EVENT with a JSON value, or none. */
export function requestFrame(
  id: number,
  pattern = 'p',
  json?: string,
  type: number = FrameType.REQUEST,
): Buffer {
  const text = Buffer.from(pattern);
  const front = Buffer.from([text.length >>> 8, text.length & 0xff]);
  return frame(type, json === undefined ? 0 : 1, id, Buffer.concat([front, text, Buffer.from(json ?? '')]));
}

/** What a call was answered with. */
export class RecordingSink implements CallSink {
  readonly seen: unknown[] = [];

  next(value: unknown): void {
    this.seen.push(['next', value]);
  }

  complete(): void {
    this.seen.push(['complete']);
  }

  error(error: unknown): void {
    this.seen.push(['error', error instanceof N2NError ? error.code : error]);
  }
}
