/** What ends with something else. */
export interface Linked {
  onAbort(): void;
}

/**
 * What is bound to a signal, under one listener: Node warns of the eleventh, and as many calls may be made for one. Neither
 * the listener nor anything else is left when the last of them is over.
 */
class SignalLinks {
  private readonly bound = new Set<Linked>();

  constructor(private readonly signal: AbortSignal) {
    signal.addEventListener('abort', this.onAbort);
  }

  add(bound: Linked): void {
    this.bound.add(bound);
  }

  remove(bound: Linked): void {
    this.bound.delete(bound);
    if (this.bound.size > 0) return;
    this.signal.removeEventListener('abort', this.onAbort);
    linksOf.delete(this.signal);
  }

  private readonly onAbort = (): void => {
    for (const bound of this.bound) bound.onAbort();
  };
}

const linksOf = new WeakMap<AbortSignal, SignalLinks>();

/** Has it told when the signal is aborted, until `unbind`. */
export function bind(signal: AbortSignal, bound: Linked): void {
  let links = linksOf.get(signal);
  if (links === undefined) {
    links = new SignalLinks(signal);
    linksOf.set(signal, links);
  }
  links.add(bound);
}

export function unbind(signal: AbortSignal, bound: Linked): void {
  linksOf.get(signal)?.remove(bound);
}
