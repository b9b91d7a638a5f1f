import { MAX_BODIES } from '../../protocol/frames/frame.js';
import type { SendWindow } from './send-window.js';

/** Who may send a body in fragments: as many as the other side takes at once (K7), the others in their order. */
export class FragmentScheduler {
  private underWay = 0;
  /** Those with a body that may not begin yet. */
  private readonly waiting = new Set<SendWindow>();
  /** Those that have been told to begin theirs, and have not yet. */
  private readonly called = new Set<SendWindow>();

  /** @returns whether the body may begin; when it may not yet, its send window is resumed once another has ended */
  begin(sendWindow: SendWindow): boolean {
    this.called.delete(sendWindow);
    if (this.underWay === MAX_BODIES) {
      this.waiting.add(sendWindow);
      return false;
    }
    this.underWay += 1;
    return true;
  }

  end(): void {
    this.underWay -= 1;
    this.callNext();
  }

  /** The call of this send window is over. */
  forget(sendWindow: SendWindow): void {
    this.waiting.delete(sendWindow);
    if (this.called.delete(sendWindow)) this.callNext();
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
