/** What the two services say to each other. It is all that they share. */

/**
 * Counts words. Given a text, it answers with their number; given a `Piece` of a file, with how often each occurs, and
 * whoever watches the file's job hears of it.
 */
export const WORDS_COUNT = 'words.count';

/** A stream: given the id of a job, how far it is, at once and after each piece, until `file.done`. */
export const WORDS_WATCH = 'words.watch';

/** An event: all pieces of a file are counted. */
export const FILE_DONE = 'file.done';

export interface Piece {
  /** Any id that no other file has. */
  readonly job: string;
  /** Part of the file's text, cut between words. */
  readonly text: string;
}

export type CountRequest = string | Piece;

/** Pairs and not an object, whose keys `__proto__` and `constructor` are no ordinary words. */
export type WordCounts = readonly (readonly [word: string, count: number])[];

export interface Progress {
  readonly calls: number;
  readonly words: number;
}

export interface FileDone {
  readonly job: string;
  readonly file: string;
  readonly words: number;
}
