/** What ends with something else. */
export interface Bound {
  onAbort(): void;
}

/**
 * What is bound to a signal, under one listener: Node warns of the eleventh, and as many calls may be made for one. Neither
 * the listener nor anything else is left when the last of them is over.
 */
class Bonds {
  private readonly bound = new Set<Bound>();

  constructor(private readonly signal: AbortSignal) {
    signal.addEventListener('abort', this.onAbort);
  }

  add(bound: Bound): void {
    this.bound.add(bound);
  }

  remove(bound: Bound): void {
    this.bound.delete(bound);
    if (this.bound.size > 0) return;
    this.signal.removeEventListener('abort', this.onAbort);
    bondsOf.delete(this.signal);
  }

  private readonly onAbort = (): void => {
    for (const bound of this.bound) bound.onAbort();
  };
}

const bondsOf = new WeakMap<AbortSignal, Bonds>();

/** Has it told when the signal is aborted, until `unbind`. */
export function bind(signal: AbortSignal, bound: Bound): void {
  let bonds = bondsOf.get(signal);
  if (bonds === undefined) {
    bonds = new Bonds(signal);
    bondsOf.set(signal, bonds);
  }
  bonds.add(bound);
}

export function unbind(signal: AbortSignal, bound: Bound): void {
  bondsOf.get(signal)?.remove(bound);
}
