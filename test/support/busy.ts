import { turn } from './harness.js';

/**
 * Keeps the event loop busy, from a phase of it after which timers come before the sockets are read: what a program does that
 * parses a large text, or hashes a password, in a callback.
 */
export async function beBusy(milliseconds: number): Promise<void> {
  await turn();
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}
