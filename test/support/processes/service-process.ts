import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { atEnd } from '../harness.js';

const SCRIPT = fileURLToPath(new URL('./fixtures/service-process.mjs', import.meta.url));

export interface ServiceProcess {
  readonly child: ChildProcess;
  readonly port: number;
  /** Settles when this many calls of `never` have come to their handler, with their data in order. */
  served(count: number): Promise<unknown[]>;
  /** Ends the process so that it can say nothing more, and waits for its end. */
  kill(): Promise<void>;
}

/** A service in a process of its own; 0 takes a free port. It ends with the test. */
export async function startServiceProcess(port = 0): Promise<ServiceProcess> {
  const child = fork(SCRIPT, [String(port)], { execArgv: [] });
  const data: unknown[] = [];
  let onServed: (() => void) | undefined;
  const exited = once(child, 'exit');
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  atEnd(kill);
  const listening = new Promise<number>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the service ended with ${code} before it listened`)));
    child.on('message', (message: { port?: number; served?: unknown; error?: string }) => {
      if (message.error !== undefined) reject(new Error(message.error));
      if (message.port !== undefined) resolve(message.port);
      if ('served' in message) {
        data.push(message.served);
        onServed?.();
      }
    });
  });
  const served = (count: number): Promise<unknown[]> =>
    new Promise((resolve) => {
      onServed = () => {
        if (data.length >= count) resolve(data);
      };
      onServed();
    });
  return { child, port: await listening, served, kill };
}
