/** The lines that a process prints for the user, each with its name, as all share a terminal. */
export class Transcript {
  /** @param width of the column of names */
  constructor(
    private readonly name: string,
    private readonly width = 8,
  ) {}

  say(text: string): void {
    console.log(`${this.name.padEnd(this.width)} ${text}`);
  }
}

/** `1 call`, `2 calls`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
