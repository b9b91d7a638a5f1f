import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { AskKind, Asks, ToldMessage } from './protocol.js';

type Role = 'server' | 'client';

/** How long a child may take to close its peer, and then to go. */
const STOP_MS = 3_000;

/** What a child printed last is shown if it fails. */
const OUTPUT_KEPT = 4_000;

interface Waiting {
  // A method, so that waits for different answers fit in one map: the kind that was asked decides what is told.
  resolve(told: unknown): void;
  readonly reject: (reason: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** A forked process of one peer, as the parent sees it: asks with a deadline, and an end that is certain. */
export class Child {
  static readonly #living = new Set<Child>();

  /** The last resort, for the way out of the parent: whatever still lives is killed, by its own handle. */
  static killAll(): void {
    for (const child of Child.#living) child.#kill();
  }

  /** Resolves when the process has gone. */
  readonly gone: Promise<void>;
  /** Rejects if the process goes without being told to. Never resolves. */
  readonly died: Promise<never>;

  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #asked = 0;
  #stopping = false;
  #output = '';
  #helpers: readonly number[] = [];

  constructor(
    readonly role: Role,
    readonly peer: string,
    nodeOptions: readonly string[] = [],
  ) {
    this.#process = fork(fileURLToPath(new URL(`./${role}.js`, import.meta.url)), {
      execArgv: [...process.execArgv, ...nodeOptions],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    Child.#living.add(this);
    this.#process.stdout?.on('data', this.#keepOutput);
    this.#process.stderr?.on('data', this.#keepOutput);
    this.#process.on('message', (message: ToldMessage) => this.#told(message));

    // 'close' and not 'exit': by then, what it printed has been read.
    this.gone = new Promise((resolve) => {
      this.#process.once('close', () => resolve());
      this.#process.once('error', () => resolve());
    });
    this.died = new Promise((_resolve, reject) => {
      this.#process.once('close', (code, signal) => {
        Child.#living.delete(this);
        // One that stopped in an orderly way has ended its helpers itself, and their ids may be somebody else's by now.
        if (code !== 0) this.#killHelpers();
        const reason = this.#failure(`ended by itself (${signal ?? `exit code ${code}`})`);
        this.#rejectAll(reason);
        if (!this.#stopping) reject(reason);
      });
      this.#process.once('error', (error) => reject(this.#failure(error.message)));
    });
    // Whoever races with it handles it; until somebody does, it is not an unhandled rejection.
    this.died.catch(() => undefined);
  }

  ask<K extends AskKind>(kind: K, ask: Asks[K]['ask'], withinMs: number): Promise<Asks[K]['told']> {
    const id = ++this.#asked;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(this.#failure(`did not answer '${kind}' within ${withinMs} ms`));
      }, withinMs);
      this.#waiting.set(id, { resolve, reject, timer });
      this.#process.send({ id, kind, ask }, (error) => {
        if (error !== null) this.#settle(id)?.reject(this.#failure(error.message));
      });
    });
  }

  /** Processes that this one has started, by their ids: they do not outlive it, whatever becomes of it. */
  adopt(helpers: readonly number[]): void {
    this.#helpers = helpers;
  }

  /** Ends the process: asked first, killed if that takes too long. Never rejects. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#process.connected) await this.ask('stop', {}, STOP_MS).catch(() => undefined);
    const kill = setTimeout(() => this.#kill(), STOP_MS);
    await this.gone;
    clearTimeout(kill);
  }

  #kill(): void {
    this.#process.kill('SIGKILL');
    this.#killHelpers();
  }

  #killHelpers(): void {
    for (const pid of this.#helpers) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has gone already.
      }
    }
    this.#helpers = [];
  }

  #told(message: ToldMessage): void {
    const waiting = this.#settle(message.id);
    if (message.ok) waiting?.resolve(message.told);
    else waiting?.reject(this.#failure(`failed: ${message.error}`));
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    clearTimeout(waiting?.timer);
    return waiting;
  }

  #rejectAll(reason: Error): void {
    for (const id of this.#waiting.keys()) this.#settle(id)?.reject(reason);
  }

  #failure(what: string): Error {
    const output = this.#output.trim();
    return new Error(`${this.peer}, ${this.role}: ${what}${output === '' ? '' : `\nIt printed:\n${output}`}`);
  }

  readonly #keepOutput = (data: Buffer): void => {
    this.#output = (this.#output + data.toString()).slice(-OUTPUT_KEPT);
  };
}
