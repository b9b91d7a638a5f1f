import { fork, type ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { atEnd } from '../support/harness.js';

/** How long an answer may take, unless told otherwise, in milliseconds: longer than any call has. */
const PATIENCE = 40_000;

/** As much of what a child printed last is shown when it fails, in characters. */
const MOST_SHOWN = 4_000;

interface Waiting {
  readonly resolve: (told: never) => void;
  readonly reject: (error: Error) => void;
}

/** A program of `fixtures` in a process of its own, which is asked over a channel that no fault touches. */
export class Child {
  /** How it ended: the code, or the signal. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
  private readonly child: ChildProcess;
  private readonly waiting = new Map<number, Waiting>();
  private readonly news = new EventEmitter().setMaxListeners(0);
  private asked = 0;
  private output = '';

  constructor(private readonly program: 'server' | 'client') {
    const script = fileURLToPath(new URL(`fixtures/${program}.mjs`, import.meta.url));
    this.child = fork(script, [], {
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // Infinity and maps as they are.
      serialization: 'advanced',
    });
    const keep = (text: Buffer): void =>
      void (this.output = (this.output + text.toString()).slice(-MOST_SHOWN));
    this.child.stdout?.on('data', keep);
    this.child.stderr?.on('data', keep);
    this.child.on('message', this.onMessage);
    // `close`, and not `exit`: by then its channel and its output are closed, too.
    this.ended = once(this.child, 'close').then(([code, signal]: (number | NodeJS.Signals | null)[]) => {
      for (const { reject } of this.waiting.values()) reject(this.failure(`ended with ${signal ?? code}`));
      return signal ?? code;
    });
    atEnd(() => this.kill());
  }

  /** @returns what the program answers */
  async ask<Answer = void>(kind: string, data: object = {}, patience = PATIENCE): Promise<Answer> {
    this.asked += 1;
    const id = this.asked;
    const answer = new Promise<Answer>((resolve, reject) => this.waiting.set(id, { resolve, reject }));
    const timer = setTimeout(
      () => this.waiting.get(id)?.reject(this.failure(`did not answer "${kind}" in ${patience} ms`)),
      patience,
    );
    if (!this.child.connected) this.waiting.get(id)?.reject(this.failure(`is gone, and cannot do "${kind}"`));
    // Whether it arrived or not: without an answer, the end of the process tells.
    else this.child.send({ id, kind, data }, () => {});
    try {
      return await answer;
    } finally {
      clearTimeout(timer);
      this.waiting.delete(id);
    }
  }

  /** Settles when the program tells this the next time. */
  async told(news: string): Promise<void> {
    await once(this.news, news, { signal: AbortSignal.timeout(PATIENCE) });
  }

  signal(signal: 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): void {
    this.child.kill(signal);
  }

  /** Ends it so that it can do nothing more, stopped or not, and waits for its end. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  private readonly onMessage = (message: {
    id?: number;
    told?: never;
    error?: string;
    news?: string;
  }): void => {
    const { id, told, error, news } = message;
    if (news !== undefined) this.news.emit(news);
    if (id === undefined) return;
    if (error === undefined) this.waiting.get(id)?.resolve(told as never);
    else this.waiting.get(id)?.reject(this.failure(`failed: ${error}`));
  };

  private failure(what: string): Error {
    const printed = this.output === '' ? '' : `\nIt printed:\n${this.output}`;
    return new Error(`The ${this.program} ${what}.${printed}`);
  }
}
