import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // The gate is quiet: a dot a test, and the whole story of what failed.
    reporters: process.env['CI'] === undefined ? ['default'] : ['dot'],
    // Real processes and real sockets: a file at a time per core, and never forever.
    pool: 'forks',
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // Everything a test needs to await it awaits; a hung teardown is a failure.
    teardownTimeout: 10_000,
  },
});
