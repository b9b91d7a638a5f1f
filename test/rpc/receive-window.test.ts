import { describe, expect, test } from 'vitest';
import { INITIAL_CREDIT } from '../../src/limits.js';
import { ReceiveWindow } from '../../src/rpc/flow-control/receive-window.js';
import { n2nErrorThrown } from '../support/outcome.js';

function start(): { receiveWindow: ReceiveWindow; granted: [number, number][] } {
  const granted: [number, number][] = [];
  return { receiveWindow: new ReceiveWindow((items, bytes) => void granted.push([items, bytes])), granted };
}

describe('what comes without having been granted is refused', () => {
  test('items', () => {
    const { receiveWindow } = start();
    for (let count = 0; count < INITIAL_CREDIT.items; count++) receiveWindow.onItem(1, false);
    n2nErrorThrown(() => receiveWindow.onItem(1, false), 'PROTOCOL_ERROR');
  });

  test('bytes, though the last value may take more than are left', () => {
    const { receiveWindow } = start();
    receiveWindow.onItem(INITIAL_CREDIT.bytes - 1, false);
    receiveWindow.onItem(1_000_000, false);
    n2nErrorThrown(() => receiveWindow.onItem(0, false), 'PROTOCOL_ERROR');
  });

  test('fragments', () => {
    const { receiveWindow } = start();
    for (let count = 0; count < 16; count++) receiveWindow.onFragment(65_536);
    n2nErrorThrown(() => receiveWindow.onFragment(1), 'PROTOCOL_ERROR');
  });
});

describe('what was taken is granted again', () => {
  test('once it is half of what there was', () => {
    const { receiveWindow, granted } = start();
    for (let count = 0; count < 127; count++) receiveWindow.onConsumed(1, 10);
    expect(granted).toEqual([]);
    receiveWindow.onConsumed(1, 10);
    expect(granted).toEqual([[128, 1280]]);
    receiveWindow.onConsumed(1, INITIAL_CREDIT.bytes / 2);
    expect(granted).toEqual([
      [128, 1280],
      [1, INITIAL_CREDIT.bytes / 2],
    ]);
  });

  test('and more, once, where others are to come further ahead', () => {
    const { receiveWindow, granted } = start();
    receiveWindow.widen(1000);
    for (let count = 0; count < 128; count++) receiveWindow.onConsumed(1, 0);
    expect(granted).toEqual([[128 + 1000 - 256, 0]]);
    for (let count = 0; count < 499; count++) receiveWindow.onConsumed(1, 0);
    expect(granted).toHaveLength(1);
    receiveWindow.onConsumed(1, 0);
    expect(granted.slice(1)).toEqual([[500, 0]]);
    // 628 were taken without having been counted as they came; so many more may come.
    for (let count = 0; count < 1000 + 628; count++) receiveWindow.onItem(1, false);
    n2nErrorThrown(() => receiveWindow.onItem(1, false), 'PROTOCOL_ERROR');
  });

  test('a sender that keeps to it never runs out, and a consumer that stops holds it back', () => {
    const { receiveWindow, granted } = start();
    for (let count = 0; count < 100_000; count++) {
      receiveWindow.onItem(100, false);
      receiveWindow.onConsumed(1, 100);
    }
    expect(granted.reduce((sum, [items]) => sum + items, 0)).toBeGreaterThan(100_000 - 256);
    const more = (): void => {
      for (let count = 0; count < 257; count++) receiveWindow.onItem(100, false);
    };
    n2nErrorThrown(more, 'PROTOCOL_ERROR');
  });

  test('a value that came in fragments counts once, and as held until it is taken', () => {
    const { receiveWindow, granted } = start();
    const fragment = 60_000;
    for (let count = 0; count < 20; count++) {
      receiveWindow.onFragment(fragment);
      receiveWindow.onConsumed(0, fragment);
    }
    const asFragments = granted.reduce((sum, [, bytes]) => sum + bytes, 0);
    receiveWindow.onItem(20 * fragment, true);
    // Other values pay for it before any bytes are granted again.
    receiveWindow.onItem(0, false);
    for (let count = 0; count < 127; count++) receiveWindow.onConsumed(1, 0);
    receiveWindow.onConsumed(1, 20 * fragment);
    const bytes = granted.reduce((sum, [, granting]) => sum + granting, 0);
    expect(asFragments).toBeGreaterThan(20 * fragment - INITIAL_CREDIT.bytes / 2);
    expect(bytes).toBeLessThanOrEqual(20 * fragment);
    expect(granted.every(([, granting]) => granting >= 0)).toBe(true);
  });
});
