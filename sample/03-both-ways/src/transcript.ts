/** The lines that a process prints for the user, each with its name, as all share a terminal. */
export class Transcript {
  constructor(private readonly name: string) {}

  say(text: string): void {
    console.log(`${this.name.padEnd(9)} ${text}`);
  }
}

/** `1 piece`, `2 pieces`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
