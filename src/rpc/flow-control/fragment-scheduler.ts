import { MAX_BODIES } from '../../protocol/frames/frame.js';
import type { Outflow } from './send-window.js';

/** Who may send a body in fragments: as many as the other side takes at once (K7), the others in their order. */
export class BodyTurns {
  private underWay = 0;
  /** Those with a body that may not begin yet. */
  private readonly waiting = new Set<Outflow>();
  /** Those that have been told to begin theirs, and have not yet. */
  private readonly called = new Set<Outflow>();

  /** @returns whether the body may begin; when it may not yet, its outflow is resumed once another has ended */
  begin(outflow: Outflow): boolean {
    this.called.delete(outflow);
    if (this.underWay === MAX_BODIES) {
      this.waiting.add(outflow);
      return false;
    }
    this.underWay += 1;
    return true;
  }

  end(): void {
    this.underWay -= 1;
    this.callNext();
  }

  /** The call of this outflow is over. */
  forget(outflow: Outflow): void {
    this.waiting.delete(outflow);
    if (this.called.delete(outflow)) this.callNext();
  }

  private callNext(): void {
    for (const next of this.waiting) {
      this.waiting.delete(next);
      // One that has no credit asks again when it has.
      if (!next.resume()) continue;
      this.called.add(next);
      return;
    }
  }
}
