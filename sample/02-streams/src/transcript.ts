/** The lines that a service prints for the user, each with the service's name, as both share a terminal. */
export class Transcript {
  constructor(private readonly service: string) {}

  say(text: string): void {
    console.log(`${this.service.padEnd(8)} ${text}`);
  }
}

/** `1 line`, `25,000 lines`. */
export function plural(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}
