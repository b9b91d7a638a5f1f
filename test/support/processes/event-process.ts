import { fork } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { atEnd } from '../harness.js';

const SCRIPT = fileURLToPath(new URL('./fixtures/event-process.mjs', import.meta.url));

interface EventProcess {
  readonly port: number;
  /** What the service told, in order. */
  readonly told: readonly string[];
  /** Settles when it has told this. */
  until(what: string): Promise<void>;
  /** Ends it so that it can say nothing more, and waits for its end. */
  kill(): Promise<void>;
}

/** @param mode `wait`: the handler of `event` never ends */
export async function startEventProcess(port: number, mode: 'wait' | 'finish'): Promise<EventProcess> {
  const child = fork(SCRIPT, [String(port), mode], { execArgv: [] });
  const told: string[] = [];
  const news = new EventEmitter().setMaxListeners(0);
  const exited = once(child, 'exit');
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  atEnd(kill);
  const listening = new Promise<number>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the service ended with ${code} before it listened`)));
    child.on('message', (message: { port?: number; told?: string; error?: string }) => {
      if (message.error !== undefined) reject(new Error(message.error));
      if (message.port !== undefined) resolve(message.port);
      if (message.told !== undefined) {
        told.push(message.told);
        news.emit('told');
      }
    });
  });
  const until = async (what: string): Promise<void> => {
    // oxlint-disable-next-line no-await-in-loop -- it tells one thing after the other
    while (!told.includes(what)) await once(news, 'told');
  };
  return { port: await listening, told, until, kill };
}
