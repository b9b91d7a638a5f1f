import { MAX_FRAGMENTED_BODIES } from '../../limits.js';
import type { SendWindow } from './send-window.js';

/**
 * Decides which calls may send a body in fragments: as many at once as the other side takes (K7), the others in order.
 */
export class FragmentScheduler {
  private underWay = 0;
  /** Send windows with a body that may not begin yet. */
  private readonly waiting = new Set<SendWindow>();
  /** Send windows that were resumed and have not begun their body yet. */
  private readonly called = new Set<SendWindow>();

  /** @returns whether the body may begin; if not, its send window is resumed once another body has ended */
  begin(sendWindow: SendWindow): boolean {
    this.called.delete(sendWindow);
    if (this.underWay === MAX_FRAGMENTED_BODIES) {
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
      // A send window without credit asks again once it has credit.
      if (!next.resume()) continue;
      this.called.add(next);
      return;
    }
  }
}
