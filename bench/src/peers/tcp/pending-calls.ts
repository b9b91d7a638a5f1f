import type { Done } from '../peer.js';

/** The calls in flight by number. Numbers are used again, so that the table stays dense and a look-up is an index. */
export class PendingCalls {
  readonly #calls: (Done | undefined)[] = [];
  readonly #free: number[] = [];

  add(done: Done): number {
    const call = this.#free.pop() ?? this.#calls.length;
    this.#calls[call] = done;
    return call;
  }

  take(call: number): Done {
    const done = this.#calls[call];
    if (done === undefined) throw new Error(`Call ${call} was answered, and is not in flight.`);
    this.#calls[call] = undefined;
    this.#free.push(call);
    return done;
  }

  failAll(error: Error): void {
    for (const [call, done] of this.#calls.entries()) {
      if (done !== undefined) this.take(call)(error, undefined);
    }
  }
}
