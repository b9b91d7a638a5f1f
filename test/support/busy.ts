import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { N2NServerOptions } from '../../src/index.js';
import { atEnd, turn } from './harness.js';

const SCRIPT = new URL('./processes/fixtures/answering-worker.mjs', import.meta.url);

const LONGEST = 15_000;

/** The other side of a connection, in a thread of its own. */
export interface AnsweringWorker {
  /** Where it listens; 0 where it has dialed. */
  readonly port: number;
  /** Keeps this thread busy until the other has written so many answers in all, and for at least so long. */
  busyUntilAnswered(answers: number, milliseconds: number): Promise<void>;
  /** The same for pings that it has sent, or answered. */
  busyUntilPinged(pings: number, milliseconds: number): Promise<void>;
}

/** Handlers in a thread of their own: those of a server, or of a client that has dialed `url`. It ends with the test. */
export async function startAnsweringWorker(
  place: { readonly url: string; readonly transport: string } | { readonly options: N2NServerOptions },
): Promise<AnsweringWorker> {
  const counts = new SharedArrayBuffer(8);
  const seen = new Int32Array(counts);
  const worker = new Worker(SCRIPT, { workerData: { ...place, counts } });
  atEnd(() => worker.terminate());
  const [{ port = 0 }] = (await once(worker, 'message')) as [{ port?: number }];
  const busyUntil = async (index: number, target: number, milliseconds: number): Promise<void> => {
    const end = performance.now() + milliseconds;
    await turn();
    for (let now = Atomics.load(seen, index); now < target; now = Atomics.load(seen, index)) {
      // A thread that waits for ever would not be told that its test takes too long.
      if (Atomics.wait(seen, index, now, LONGEST) === 'timed-out')
        throw new Error('the other side is silent');
    }
    block(end - performance.now());
  };
  return {
    port,
    busyUntilAnswered: (answers, milliseconds) => busyUntil(0, answers, milliseconds),
    busyUntilPinged: (pings, milliseconds) => busyUntil(1, pings, milliseconds),
  };
}

/**
 * Keeps the event loop busy, from a phase of it after which timers come before the sockets are read: as a program does that
 * parses a large text, or hashes a password, in a callback.
 */
export async function beBusy(milliseconds: number): Promise<void> {
  await turn();
  block(milliseconds);
}

/** Stands still, and leaves the processor to others. */
function block(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Math.max(0, milliseconds));
}
