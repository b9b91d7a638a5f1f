import { afterEach, beforeEach, expect } from 'vitest';
import { turn } from './harness.js';

/** Fails each test of the suite in which something reached the process that would have ended it. */
export function proveTheProcessLives(): void {
  const errors: unknown[] = [];
  const onError = (error: unknown): void => void errors.push(error);

  beforeEach(() => {
    errors.length = 0;
    process.on('unhandledRejection', onError);
    process.on('uncaughtExceptionMonitor', onError);
  });

  afterEach(async () => {
    // Rejections are told of at the end of a turn, and what RxJS and Node rethrow in the next ones.
    for (let turns = 0; turns < 20; turns += 1) await turn();
    process.off('unhandledRejection', onError);
    process.off('uncaughtExceptionMonitor', onError);
    expect(errors).toEqual([]);
  });
}
