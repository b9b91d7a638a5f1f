import { expect, test } from 'vitest';
import { IncomingCall, type ReplyPort } from '../../../src/rpc/incoming/incoming-call.js';
import { EventDeduplicator } from '../../../src/strategy/layers/event-deduplicator.js';
import type { Responder } from '../../../src/strategy/handlers/responder.js';

/** An acknowledged event that is being served, and what its sender is told. */
function event(key: string, told: string[] = []): IncomingCall {
  const port: ReplyPort = {
    info: { id: 'test', role: 'acceptor', connection: 'test', address: '', window: 0 },
    next: () => {},
    last: () => {},
    complete: () => void told.push('complete'),
    error: () => void told.push('error'),
    isReady: () => true,
    whenReady: (_call, callback) => callback(),
    onFault: () => {},
    onServed: () => {},
    onAbandoned: () => {},
  };
  const content = { pattern: 'event', data: 1, envelope: undefined, timeout: 0, key };
  const call = new IncomingCall(1, { ...content, kind: 'acknowledged-event' }, port, 0);
  call.start();
  return call;
}

test('an event at work is not forgotten, however many others come and go', () => {
  const deduplicator = new EventDeduplicator();
  const running: Responder[] = [];
  const told: string[] = [];
  deduplicator.take('long', event('long', told), (responder) => running.push(responder));
  for (let count = 0; count < 100_001; count += 1) {
    deduplicator.take(`short ${count}`, event('short'), (responder) => responder.complete());
  }
  deduplicator.take('long', event('long', told), (responder) => running.push(responder));
  expect(running).toHaveLength(1);
  expect(told).toEqual([]);
  running[0]?.complete();
  expect(told).toEqual(['complete', 'complete']);
});

test('those that were handled first are forgotten first', () => {
  const deduplicator = new EventDeduplicator();
  let runs = 0;
  const handle = (key: string): void =>
    deduplicator.take(key, event(key), (responder) => {
      runs += 1;
      responder.complete();
    });
  for (let count = 0; count < 100_001; count += 1) handle(`event ${count}`);
  handle('event 1');
  expect(runs).toBe(100_001);
  handle('event 0');
  expect(runs).toBe(100_002);
});
