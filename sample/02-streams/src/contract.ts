/** What the two services say to each other. It is all that they share. */

/** A stream: the lines of the file, as fast as they are taken. */
export const LINES_READ = 'lines.read';

/** A stream: what became of each `lines.read`, from now on. */
export const LINES_ENDED = 'lines.ended';

export interface Ended {
  /** How many lines were read from the file. */
  readonly lines: number;
  readonly why: string;
}
