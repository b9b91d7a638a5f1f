import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

/** How long a service may take to end when it is told to, in milliseconds. */
const PATIENCE = 5000;

/** A service of a sample, in a process of its own that shares the terminal. */
export class ServiceProcess {
  /** Its exit code, as shells have it for one that a signal has ended. */
  readonly exitCode: Promise<number>;

  private constructor(private readonly child: ChildProcess) {
    this.exitCode = once(child, 'exit').then(([code, signal]: (number | NodeJS.Signals | null)[]) =>
      typeof signal === 'string' ? 128 + constants.signals[signal] : Number(code),
    );
  }

  static start(program: URL, args: readonly string[]): ServiceProcess {
    return new ServiceProcess(fork(fileURLToPath(program), args));
  }

  /** @returns the port on which the service listens; undefined when it ended before it did */
  async port(): Promise<number | undefined> {
    const message = await Promise.race([once(this.child, 'message'), this.exitCode.then(() => [undefined])]);
    return (message[0] as { port: number } | undefined)?.port;
  }

  /** Tells it to end, and ends it if it does not. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.child.kill(signal);
    const timer = setTimeout(() => this.child.kill('SIGKILL'), PATIENCE);
    await this.exitCode;
    clearTimeout(timer);
  }
}
