import { randomBytes } from 'node:crypto';
import { EVENT_KEY_BYTES } from '../protocol/frames/frame.js';

/** What becomes of a call or event that is made while there is no connection. */
export type OfflinePolicy = 'buffer' | 'reject';

/** What a call may be bound to: a handler's context, from which it inherits the time that is left. */
export interface CallScope {
  /** When the caller stops waiting, in milliseconds since the epoch; undefined where it waits for ever. */
  getDeadline(): number | undefined;
  /** Aborted when the caller wants no answer any more. */
  getSignal(): AbortSignal;
}

/** How one call or event differs from the client's options. Everything may be left out. */
export interface RecordSettings {
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeout?: number;
  readonly isAcknowledged?: boolean;
  readonly isIdempotent?: boolean;
  readonly offline?: OfflinePolicy;
  readonly scope?: CallScope;
  readonly signal?: AbortSignal;
}

/** Shared by every copy of this package in the process, so that each recognises the records of the others. */
const BRAND = Symbol.for('nestjs-n2n.N2NRecord');

/** A payload with the settings of its call. Made by `N2NRecordBuilder`. */
export class N2NRecord<T = unknown> {
  constructor(
    readonly data: T,
    readonly settings: RecordSettings,
  ) {}

  /** Whether a value is an `N2NRecord`, also one of another copy of this package. */
  static [Symbol.hasInstance](value: unknown): value is N2NRecord {
    if (this !== N2NRecord) return Function.prototype[Symbol.hasInstance].call(this, value);
    return typeof value === 'object' && value !== null && BRAND in value;
  }

  /** @internal */
  get [BRAND](): true {
    return true;
  }
}

/**
 * Says more about one call or event than its payload.
 *
 * @example
 * const record = new N2NRecordBuilder({ id: 7 }).setTimeout(500).setHeaders({ tenant: 'a' }).build();
 * n2n.send('user.get', record);
 */
export class N2NRecordBuilder<T = unknown> {
  private settings: RecordSettings = {};

  constructor(private readonly data: T) {}

  /** Text that travels with the call; the handler reads it with `ctx.getHeaders()`. */
  setHeaders(headers: Record<string, string>): this {
    return this.set({ headers: { ...headers } });
  }

  /** How long the call waits without any answer, in milliseconds; 0 for ever. In place of the client's `timeout`. */
  setTimeout(timeout: number): this {
    return this.set({ timeout });
  }

  /**
   * For `emit`: the event completes once every handler has, errors if one fails, and is sent again after a lost
   * connection until one of the two has happened. A server recognises a repetition, and does not run handlers again.
   * From a server to one of its clients it is not sent again once the client's session is over: it errors with
   * `CONNECTION_LOST`.
   */
  acknowledged(): this {
    return this.set({ isAcknowledged: true });
  }

  /**
   * For `send`: the call may run twice, so it is sent again when the connection is lost before any answer came, for as
   * long as its timeout allows. From a server to one of its clients as for `acknowledged`.
   */
  idempotent(): this {
    return this.set({ isIdempotent: true });
  }

  /** What becomes of it while there is no connection, in place of the client's `offline`. */
  setOffline(offline: OfflinePolicy): this {
    return this.set({ offline });
  }

  /** Binds the call to the one that a handler serves: it gets no more time than that has, and is cancelled with it. */
  within(scope: CallScope): this {
    return this.set({ scope });
  }

  /** Cancels the call when `signal` is aborted: it errors with `CANCELLED`, and the handler is told as by an unsubscription. */
  setSignal(signal: AbortSignal): this {
    return this.set({ signal });
  }

  build(): N2NRecord<T> {
    return new N2NRecord(this.data, this.settings);
  }

  private set(setting: RecordSettings): this {
    this.settings = { ...this.settings, ...setting };
    return this;
  }
}

/** Keys are random, so that no two clients ever make the same one. */
export function newEventKey(): string {
  return randomBytes(EVENT_KEY_BYTES).toString('latin1');
}
