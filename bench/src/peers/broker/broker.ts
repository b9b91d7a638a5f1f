import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../listen.js';
import { LOOPBACK } from '../peer.js';
import { findProgram } from './program.js';

/** A message broker that is installed on this machine, and how to start one that keeps nothing. */
export interface BrokerProgram {
  readonly name: string;
  readonly args: (host: string, port: number) => readonly string[];
}

interface Broker {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

const START_MS = 10_000;
const RETRY_MS = 20;
const OUTPUT_KEPT = 2_000;

/** Starts a broker on a free port of the loopback address, and waits until it listens. */
export async function startBroker({ name, args }: BrokerProgram): Promise<Broker> {
  const file = findProgram(name);
  if (file === undefined) throw new Error(`${name} is not installed.`);
  const port = await freePort();
  const child = spawn(file, args(LOOPBACK, port), { stdio: ['ignore', 'pipe', 'pipe'] });
  // When this process ends without stopping it, because its parent is gone or something failed.
  process.once('exit', () => child.kill('SIGKILL'));
  const output = outputOf(child);
  const gone = new Promise<never>((_resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`${name} ended by itself: ${output()}`)));
  });
  // Whoever races with it handles it; afterwards, calls that are not answered tell of it.
  gone.catch(() => undefined);
  await Promise.race([listens(port, name), gone]);
  if (child.pid === undefined) throw new Error(`${name} has no process.`);
  return { port, pid: child.pid, stop: () => stop(child) };
}

async function listens(port: number, name: string): Promise<void> {
  const endsAt = performance.now() + START_MS;
  while (performance.now() < endsAt) {
    // oxlint-disable-next-line no-await-in-loop -- one try after the other
    if (await accepts(port)) return;
    // oxlint-disable-next-line no-await-in-loop -- likewise
    await sleep(RETRY_MS);
  }
  throw new Error(`${name} did not listen within ${START_MS} ms.`);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, LOOPBACK);
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

/** Its last words. They are read in any case: a full pipe would stop it. */
function outputOf(child: ChildProcess): () => string {
  let output = '';
  const keep = (data: Buffer): void => {
    output = (output + data.toString()).slice(-OUTPUT_KEPT);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  return () => output.trim();
}
