import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { atEnd, turn } from '../harness.js';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  /** The repository's root, unless told otherwise. */
  cwd?: string;
  /** What is added to the environment of the tests. */
  env?: NodeJS.ProcessEnv;
}

/** How long a program may take to end when its test is over, in milliseconds. */
const PATIENCE = 10_000;

/** A Node program in a process of its own, whose output can be awaited. It is ended with the test. */
export class Program {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;
  private readonly lines: string[] = [];
  private readonly errorLines: string[] = [];
  private readonly news = new EventEmitter().setMaxListeners(0);
  private isOver = false;

  /** @param args what stands behind `node` on the command line */
  constructor(args: readonly string[], { cwd = ROOT, env = {} }: ProgramOptions = {}) {
    this.child = spawn(process.execPath, args, { cwd, env: { ...inherited(process.env), ...env } });
    const output = [
      this.collect(this.child.stdout, this.lines),
      this.collect(this.child.stderr, this.errorLines),
    ];
    // A program may end, or read no further, while it is being written to.
    this.child.stdin.on('error', () => {});
    this.ended = Promise.all([once(this.child, 'close'), ...output]).then(([[code, signal]]) => {
      this.isOver = true;
      this.news.emit('line');
      return { code, signal, stdout: this.stdout, stderr: this.stderr };
    });
    atEnd(() => this.end());
  }

  get stdout(): string {
    return this.lines.map((line) => `${line}\n`).join('');
  }

  get stderr(): string {
    return this.errorLines.map((line) => `${line}\n`).join('');
  }

  /** The first line of the standard output that matches, now or later. Fails when the program ends without it. */
  async line(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      for (const line of this.lines) {
        const match = pattern.exec(line);
        if (match !== null) return match;
      }
      if (this.isOver) throw new Error(`No line was like ${pattern}:\n${this.stdout}${this.stderr}`);
      // oxlint-disable-next-line no-await-in-loop -- each line is looked at when it is there
      await once(this.news, 'line');
    }
  }

  /** Gently at first, so that a program can end its own children. */
  private async end(): Promise<void> {
    const timer = setTimeout(() => this.child.kill('SIGKILL'), PATIENCE);
    this.child.kill('SIGTERM');
    await this.ended;
    clearTimeout(timer);
  }

  private async collect(stream: NodeJS.ReadableStream, lines: string[]): Promise<void> {
    for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) {
      lines.push(line);
      this.news.emit('line');
    }
  }
}

/** Runs a command to its end. @returns its standard output. @throws what it wrote to its standard error, when it fails */
export async function outputOf(
  command: string,
  args: readonly string[],
  { cwd = ROOT, env = {} }: ProgramOptions = {},
): Promise<string> {
  const child = spawn(command, args, {
    cwd,
    env: { ...inherited(process.env), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  // Its pipes are closed in the turn after.
  await turn();
  if (code !== 0) throw new Error(`${command} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}

/** What would reach from the environment of the tests into the programs under test. */
const NOT_INHERITED = /^(npm_|VITEST|INIT_CWD$|NODE_OPTIONS$|(WORDS_)?PORT$)/i;

function inherited(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !NOT_INHERITED.test(name)));
}
