import type { Payload } from './payload.js';

/** What there has been of events: enough to tell that one was lost, doubled or changed. */
export interface Tallied {
  readonly events: number;
  readonly seqSum: number;
  readonly textLength: number;
}

/** Kept on both sides, and compared. */
export class Tally implements Tallied {
  events = 0;
  seqSum = 0;
  textLength = 0;

  add(payload: unknown): void {
    const { seq, text } = payload as Payload;
    this.events++;
    this.seqSum += seq;
    this.textLength += text.length;
  }

  read(): Tallied {
    const { events, seqSum, textLength } = this;
    return { events, seqSum, textLength };
  }
}
