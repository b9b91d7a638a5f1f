import { describe, expect, test } from 'vitest';
import { Inflow } from '../../src/rpc/flow-control/receive-window.js';
import { INITIAL_CREDIT } from '../../src/protocol/frames/frame.js';
import { n2nErrorThrown } from '../support/outcome.js';

function start(): { inflow: Inflow; granted: [number, number][] } {
  const granted: [number, number][] = [];
  return { inflow: new Inflow((items, bytes) => void granted.push([items, bytes])), granted };
}

describe('what comes without having been granted is refused', () => {
  test('items', () => {
    const { inflow } = start();
    for (let count = 0; count < INITIAL_CREDIT.items; count++) inflow.onItem(1, false);
    n2nErrorThrown(() => inflow.onItem(1, false), 'PROTOCOL_ERROR');
  });

  test('bytes, though the last value may take more than are left', () => {
    const { inflow } = start();
    inflow.onItem(INITIAL_CREDIT.bytes - 1, false);
    inflow.onItem(1_000_000, false);
    n2nErrorThrown(() => inflow.onItem(0, false), 'PROTOCOL_ERROR');
  });

  test('fragments', () => {
    const { inflow } = start();
    for (let count = 0; count < 16; count++) inflow.onFragment(65_536);
    n2nErrorThrown(() => inflow.onFragment(1), 'PROTOCOL_ERROR');
  });
});

describe('what was taken is granted again', () => {
  test('once it is half of what there was', () => {
    const { inflow, granted } = start();
    for (let count = 0; count < 127; count++) inflow.onConsumed(1, 10);
    expect(granted).toEqual([]);
    inflow.onConsumed(1, 10);
    expect(granted).toEqual([[128, 1280]]);
    inflow.onConsumed(1, INITIAL_CREDIT.bytes / 2);
    expect(granted).toEqual([
      [128, 1280],
      [1, INITIAL_CREDIT.bytes / 2],
    ]);
  });

  test('and more, once, where others are to come further ahead', () => {
    const { inflow, granted } = start();
    inflow.widen(1000);
    for (let count = 0; count < 128; count++) inflow.onConsumed(1, 0);
    expect(granted).toEqual([[128 + 1000 - 256, 0]]);
    for (let count = 0; count < 499; count++) inflow.onConsumed(1, 0);
    expect(granted).toHaveLength(1);
    inflow.onConsumed(1, 0);
    expect(granted.slice(1)).toEqual([[500, 0]]);
    // 628 were taken without having been counted as they came; so many more may come.
    for (let count = 0; count < 1000 + 628; count++) inflow.onItem(1, false);
    n2nErrorThrown(() => inflow.onItem(1, false), 'PROTOCOL_ERROR');
  });

  test('a sender that keeps to it never runs out, and a consumer that stops holds it back', () => {
    const { inflow, granted } = start();
    for (let count = 0; count < 100_000; count++) {
      inflow.onItem(100, false);
      inflow.onConsumed(1, 100);
    }
    expect(granted.reduce((sum, [items]) => sum + items, 0)).toBeGreaterThan(100_000 - 256);
    const more = (): void => {
      for (let count = 0; count < 257; count++) inflow.onItem(100, false);
    };
    n2nErrorThrown(more, 'PROTOCOL_ERROR');
  });

  test('a value that came in fragments counts once, and as held until it is taken', () => {
    const { inflow, granted } = start();
    const fragment = 60_000;
    for (let count = 0; count < 20; count++) {
      inflow.onFragment(fragment);
      inflow.onConsumed(0, fragment);
    }
    const asFragments = granted.reduce((sum, [, bytes]) => sum + bytes, 0);
    inflow.onItem(20 * fragment, true);
    // Other values pay for it before any bytes are granted again.
    inflow.onItem(0, false);
    for (let count = 0; count < 127; count++) inflow.onConsumed(1, 0);
    inflow.onConsumed(1, 20 * fragment);
    const bytes = granted.reduce((sum, [, granting]) => sum + granting, 0);
    expect(asFragments).toBeGreaterThan(20 * fragment - INITIAL_CREDIT.bytes / 2);
    expect(bytes).toBeLessThanOrEqual(20 * fragment);
    expect(granted.every(([, granting]) => granting >= 0)).toBe(true);
  });
});
