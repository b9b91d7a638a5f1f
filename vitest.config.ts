import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Real processes and real sockets: a file at a time per core, and never forever.
    pool: 'forks',
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // Everything a test needs to await it awaits; a hung teardown is a failure.
    teardownTimeout: 10_000,
  },
});
