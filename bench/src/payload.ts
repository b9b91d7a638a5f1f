import { isDeepStrictEqual } from 'node:util';

/** Makes what calls carry, each told apart by a number, and knows an answer that is an echo of one. */
export interface PayloadSource {
  next(): unknown;
  /** The number of what `next` gave last. */
  readonly seq: number;
  /** Whether `answer` echoes the payload numbered `seq`. Runs on every answer, alike for every peer. */
  isEcho(answer: unknown, seq: number): boolean;
}

/** What travels: an object of a fixed size in JSON, told apart by its number. */
export interface Payload {
  readonly seq: number;
  readonly user: string;
  readonly active: boolean;
  readonly text: string;
}

// Seven digits always, so that every payload has the same length.
const FIRST_SEQ = 1_000_000;
const LAST_SEQ = 9_999_999;

/** One in how many answers is compared as a whole, unknown keys included; of all the others, every field is. */
const WHOLE_CHECK_EVERY = 1024;

const USER = 'ada@example.org';
const FILLER = 'The quick brown fox jumps over the lazy dog. ';

/** Objects. */
export class Payloads implements PayloadSource {
  readonly #text: string;
  // Kept from round to round: the late answer of one round is never right in the next.
  #seq = FIRST_SEQ;

  constructor(readonly bytes: number) {
    const bare = JSON.stringify(payload(FIRST_SEQ, '')).length;
    if (bytes < bare) throw new RangeError(`A payload has at least ${bare} bytes, not ${bytes}.`);
    const length = bytes - bare;
    this.#text = FILLER.repeat(Math.ceil(length / FILLER.length)).slice(0, length);
  }

  get seq(): number {
    return this.#seq;
  }

  next(): Payload {
    this.#seq = this.#seq === LAST_SEQ ? FIRST_SEQ : this.#seq + 1;
    return payload(this.#seq, this.#text);
  }

  isEcho(answer: unknown, seq: number): boolean {
    if (typeof answer !== 'object' || answer === null) return false;
    const echo = answer as Partial<Payload>;
    if (echo.seq !== seq || echo.user !== USER || echo.active !== true || echo.text !== this.#text)
      return false;
    return seq % WHOLE_CHECK_EVERY !== 0 || isDeepStrictEqual(answer, payload(seq, this.#text));
  }
}

function payload(seq: number, text: string): Payload {
  return { seq, user: USER, active: true, text };
}
