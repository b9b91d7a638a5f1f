import { randomBytes } from 'node:crypto';
import { EVENT_KEY_BYTES } from '../protocol/frames/frame.js';

/** How a call or event behaves without a connection. */
export type OfflinePolicy = 'buffer' | 'reject';

/** The parent of a call, such as a handler's context. The call inherits its deadline and its cancellation. */
export interface CallScope {
  /** When the caller stops waiting, in milliseconds since the epoch; undefined without a limit. */
  getDeadline(): number | undefined;
  /** Aborted when the caller cancels the call, times out, or is gone. */
  getSignal(): AbortSignal;
}

/** The settings of one call or event. They override the client's options. */
export interface RecordSettings {
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeout?: number;
  readonly isAcknowledged?: boolean;
  readonly isIdempotent?: boolean;
  readonly offline?: OfflinePolicy;
  readonly scope?: CallScope;
  readonly signal?: AbortSignal;
}

/** Shared by all copies of this package in the process: each recognises the records of the others. */
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
 * Builds a payload with settings for one call or event.
 *
 * @example
 * const record = new N2NRecordBuilder({ id: 7 }).setTimeout(500).setHeaders({ tenant: 'a' }).build();
 * n2n.send('user.get', record);
 */
export class N2NRecordBuilder<T = unknown> {
  private settings: RecordSettings = {};

  constructor(private readonly data: T) {}

  /** Sets headers, which are sent with the call. The handler reads them with `ctx.getHeaders()`. */
  setHeaders(headers: Record<string, string>): this {
    return this.set({ headers: { ...headers } });
  }

  /**
   * Sets how long the call waits without any answer, in milliseconds; 0 sets no limit. Overrides the client's `timeout`.
   */
  setTimeout(timeout: number): this {
    return this.set({ timeout });
  }

  /**
   * For `emit`: the event completes when all handlers have completed, and errors if one fails. Until then, it is sent
   * again whenever the connection is lost. The server recognises a repeated event, and does not run its handlers again.
   *
   * An event from a server to one of its clients is not sent again after the client's session has ended. It errors with
   * `CONNECTION_LOST`.
   */
  acknowledged(): this {
    return this.set({ isAcknowledged: true });
  }

  /**
   * For `send`: the call may run twice. It is sent again when the connection is lost before the first answer, until its
   * timeout has passed. For a call from a server to one of its clients, see `acknowledged`.
   */
  idempotent(): this {
    return this.set({ isIdempotent: true });
  }

  /** Sets the behaviour without a connection. Overrides the client's `offline`. */
  setOffline(offline: OfflinePolicy): this {
    return this.set({ offline });
  }

  /** Makes the call a child of the call that a handler serves. It inherits the deadline and the cancellation. */
  within(scope: CallScope): this {
    return this.set({ scope });
  }

  /** Cancels the call when `signal` is aborted: it errors with `CANCELLED`. The handler's signal is aborted, too. */
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

/** Keys are random: two clients never generate the same one. */
export function newEventKey(): string {
  return randomBytes(EVENT_KEY_BYTES).toString('latin1');
}
