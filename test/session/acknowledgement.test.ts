import { describe, expect, test } from 'vitest';
import { ackChunk } from '../../src/protocol/frames/chunk-writer.js';
import { FrameType } from '../../src/protocol/frames/frame.js';
import { frame } from '../support/fake-link.js';
import { u32 } from '../support/frames.js';
import { openPeer, requestFrame, type TestPeer } from '../support/peers.js';

const EVENT = requestFrame(1, 'p', '1', FrameType.EVENT);
const GOAWAY = frame(FrameType.GOAWAY, 0, 0, u32(0));

function resumable(): TestPeer {
  const peer = openPeer({ role: 'acceptor', window: 10_000, onCall: (call) => call.complete() });
  peer.link.takeFrames();
  return peer;
}

/** The positions that were acknowledged since the last time. */
function acksOf({ link }: TestPeer): number[] {
  return link
    .takeFrames()
    .filter(({ type }) => type === FrameType.ACK)
    .map(({ body }) => body.readUInt32BE(4));
}

describe('what has come', () => {
  test('is acknowledged 100 ms later, once', () => {
    const peer = resumable();
    peer.link.receive(Buffer.from(EVENT), Buffer.from(EVENT));
    peer.clock.advance(99);
    expect(acksOf(peer)).toEqual([]);
    peer.clock.advance(1);
    expect(acksOf(peer)).toEqual([EVENT.length * 2]);
    peer.clock.advance(1000);
    expect(acksOf(peer)).toEqual([]);
  });

  test('is not acknowledged where it is an ACK alone', () => {
    const peer = resumable();
    peer.link.receive(Buffer.concat(ackChunk(0).pieces));
    peer.clock.advance(1000);
    expect(acksOf(peer)).toEqual([]);
  });

  test('is acknowledged at once with GOAWAY', () => {
    const peer = resumable();
    peer.link.receive(Buffer.concat([EVENT, GOAWAY]));
    expect(acksOf(peer)).toEqual([EVENT.length + GOAWAY.length]);
  });

  test('is not acknowledged where the session ends with its link', () => {
    const peer = openPeer({ window: 0, onCall: (call) => call.complete() });
    peer.link.receive(Buffer.from(EVENT), Buffer.from(GOAWAY));
    peer.clock.advance(1000);
    expect(acksOf(peer)).toEqual([]);
  });
});

describe('a side that dialed, and that the other asks to leave', () => {
  test('ends the session once what it has emitted is acknowledged', () => {
    const peer = openPeer({ role: 'dialer', window: 10_000 });
    peer.peer.emit('p', undefined, undefined);
    const sent = peer.link.takeFrames().reduce((bytes, { body }) => bytes + 10 + body.length, 0);
    peer.link.receive(Buffer.from(GOAWAY));
    expect(peer.told).toEqual([['go away', 0]]);
    peer.link.receive(Buffer.concat(ackChunk(sent).pieces));
    expect(peer.told).toEqual([['go away', 0], 'drained']);
  });

  test('says how much may be lost where it is not', () => {
    const lost: number[] = [];
    const peer = openPeer({ role: 'dialer', window: 10_000 });
    peer.peer.emit('p', undefined, undefined);
    peer.peer.emit('p', undefined, undefined);
    lost.push(peer.peer.undelivered);
    peer.link.break('transport close');
    peer.clock.advance(10_000);
    expect([lost, peer.lost]).toEqual([[2], [2]]);
  });
});
