/** A call that ends when a signal is aborted. */
export interface Linked {
  onAbort(): void;
}

/**
 * The calls that are linked to one signal. They share one listener: Node warns about more than ten. The listener is
 * removed with the last call.
 */
class SignalLinks {
  private readonly calls = new Set<Linked>();

  constructor(private readonly signal: AbortSignal) {
    signal.addEventListener('abort', this.onAbort);
  }

  add(call: Linked): void {
    this.calls.add(call);
  }

  remove(call: Linked): void {
    this.calls.delete(call);
    if (this.calls.size > 0) return;
    this.signal.removeEventListener('abort', this.onAbort);
    linksOf.delete(this.signal);
  }

  private readonly onAbort = (): void => {
    for (const call of this.calls) call.onAbort();
  };
}

const linksOf = new WeakMap<AbortSignal, SignalLinks>();

/** Links a call to a signal, until `unlink`. */
export function link(signal: AbortSignal, call: Linked): void {
  let links = linksOf.get(signal);
  if (links === undefined) {
    links = new SignalLinks(signal);
    linksOf.set(signal, links);
  }
  links.add(call);
}

export function unlink(signal: AbortSignal, call: Linked): void {
  linksOf.get(signal)?.remove(call);
}
