import { describe, expect, test } from 'vitest';
import type { ConnectionState } from '../../src/balancing/balancer.js';
import { FirstBalancer } from '../../src/balancing/first-balancer.js';

interface Replica {
  readonly name: string;
  state: ConnectionState;
}

/** A balancer over replicas `a`, `b` and `c`. */
function start() {
  const [a, b, c]: Replica[] = ['a', 'b', 'c'].map((name) => ({ name, state: 'idle' }));
  const balancer = new FirstBalancer<Replica>();
  const decide = (states: Partial<Record<'a' | 'b' | 'c', ConnectionState>> = {}) => {
    Object.assign(a, { state: states.a ?? a.state });
    Object.assign(b, { state: states.b ?? b.state });
    Object.assign(c, { state: states.c ?? c.state });
    const { picker, inUse, connect, release } = balancer.update([a, b, c]);
    const result = picker.pick('any');
    return {
      takes: result.is === 'connection' ? result.connection.name : result.is,
      inUse: inUse.name,
      connect: connect.map(({ name }) => name),
      release: release.map(({ name }) => name),
    };
  };
  return decide;
}

test('nothing is connected before the client begins', () => {
  expect(start()()).toEqual({ takes: 'queue', inUse: 'a', connect: [], release: [] });
});

describe('while none is ready', () => {
  test('calls wait, and no other address is tried as long as an attempt may succeed', () => {
    expect(start()({ a: 'connecting' })).toMatchObject({ takes: 'queue', connect: [] });
  });

  test('each failure has the next address tried, in the order of the list', () => {
    const decide = start();
    expect(decide({ a: 'away' }).connect).toEqual(['b']);
    expect(decide({ b: 'connecting' }).connect).toEqual([]);
    expect(decide({ b: 'away' }).connect).toEqual(['c']);
    expect(decide({ c: 'away' }).connect).toEqual([]);
  });

  test('an address that was given up is not tried again', () => {
    expect(start()({ a: 'failed', b: 'failed' }).connect).toEqual(['c']);
  });

  test('a server that drains has the next address tried', () => {
    expect(start()({ a: 'draining' })).toMatchObject({ takes: 'queue', connect: ['b'] });
  });
});

describe('once one is ready', () => {
  test('it is used, and attempts at others are given up', () => {
    expect(start()({ a: 'away', b: 'ready', c: 'connecting' })).toEqual({
      takes: 'b',
      inUse: 'b',
      connect: [],
      release: ['a', 'c'],
    });
  });

  test('it stays in use when an earlier one is back, which is not released', () => {
    const decide = start();
    decide({ a: 'away', b: 'ready' });
    expect(decide({ a: 'ready' })).toEqual({ takes: 'b', inUse: 'b', connect: [], release: [] });
  });

  test('the next that is ready takes its place when it is lost, and keeps it', () => {
    const decide = start();
    decide({ a: 'ready', c: 'ready' });
    expect(decide({ a: 'connecting' }).takes).toBe('c');
    expect(decide({ a: 'ready' }).takes).toBe('c');
  });
});
