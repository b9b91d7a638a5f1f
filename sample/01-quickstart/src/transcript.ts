/** The lines that a service prints for the user, each with the service's name, as both may share a terminal. */
export class Transcript {
  constructor(private readonly service: string) {}

  say(text: string): void {
    console.log(`${this.service.padEnd(8)} ${text}`);
  }

  /** A line of a table, in the shape of `uniq -c`. */
  row(count: number, word: string): void {
    console.log(`${String(count).padStart(7)} ${word}`);
  }
}

/** `1 call`, `2 calls`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
