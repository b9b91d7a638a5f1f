import { vi } from 'vitest';
import { atEnd } from './harness.js';

/**
 * From here to the end of the test, time stands still unless `vi.advanceTimersByTime` moves it: for the library's
 * clock, and for deadlines, which are told in `Date`'s time. Sockets go on as ever.
 */
export function stopTheClock(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
  atEnd(() => vi.useRealTimers());
}
