import type { WriteStream } from 'node:tty';

const CLEAR_LINE = '\r\u001B[K';

/** One line that says what is being measured: written over in a terminal, line after line elsewhere (a CI log). */
export class Progress {
  #step = 0;

  constructor(
    private readonly steps: number,
    private readonly out: WriteStream | NodeJS.WritableStream,
  ) {}

  readonly step = (what: string): void => {
    const percent = Math.floor((this.#step++ / this.steps) * 100);
    const line = `[${String(percent).padStart(3)} %] ${what}`;
    this.out.write(this.#isTerminal ? `${CLEAR_LINE}${line.slice(0, this.#columns - 1)}` : `${line}\n`);
  };

  /** Gives the line back, so that a table may follow. */
  clear(): void {
    if (this.#isTerminal) this.out.write(CLEAR_LINE);
  }

  get #isTerminal(): boolean {
    return 'isTTY' in this.out && this.out.isTTY;
  }

  get #columns(): number {
    return ('columns' in this.out && this.out.columns) || 80;
  }
}
