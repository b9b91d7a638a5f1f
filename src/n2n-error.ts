/**
 * Every way in which a call, an event or a connection of this library can fail.
 * The set is closed: a new code is a new promise, listed in `docs/errors.md`.
 */
export const N2N_ERROR_CODES = [
  'TIMEOUT',
  'CANCELLED',
  'NO_HANDLER',
  'CONNECT_FAILED',
  'RECONNECT_FAILED',
  'CONNECTION_LOST',
  'UNAUTHENTICATED',
  'PERMISSION_DENIED',
  'PAYLOAD_TOO_LARGE',
  'NOT_SERIALIZABLE',
  'OVERLOADED',
  'DRAINING',
  'PROTOCOL_ERROR',
  'VERSION_MISMATCH',
  'CLOSED',
  'INVALID_OPTIONS',
] as const;

export type N2NErrorCode = (typeof N2N_ERROR_CODES)[number];

/**
 * The codes after which the same call may succeed if it is made again: nothing is wrong with the call itself.
 * Whether it is safe to make it again is for the caller to know (`CONNECTION_LOST`: it may have run).
 */
const RETRYABLE: ReadonlySet<N2NErrorCode> = new Set<N2NErrorCode>([
  'TIMEOUT',
  'CONNECT_FAILED',
  'RECONNECT_FAILED',
  'CONNECTION_LOST',
  'OVERLOADED',
  'DRAINING',
]);

export interface N2NErrorInit {
  /** Figures or names that a program may want to read, such as the limit that was passed. */
  details?: Record<string, unknown>;
  /** What this error was translated from. */
  cause?: unknown;
}

/** Shared by every copy of this package in the process, so that each recognises the errors of the others. */
const BRAND = Symbol.for('nestjs-n2n.N2NError');

/**
 * The one error class of this library. `message` says what happened and what to do about it; `code` is for programs.
 */
export class N2NError extends Error {
  override readonly name = 'N2NError';
  readonly code: N2NErrorCode;
  /** Whether the same call may succeed when made again. */
  readonly retryable: boolean;
  readonly details?: Record<string, unknown>;

  /** Whether a value is an `N2NError`, also one of another copy of this package; so is `instanceof`. */
  static override [Symbol.hasInstance](value: unknown): value is N2NError {
    if (this !== N2NError) return Function.prototype[Symbol.hasInstance].call(this, value);
    return typeof value === 'object' && value !== null && BRAND in value;
  }

  constructor(code: N2NErrorCode, message: string, init: N2NErrorInit = {}) {
    super(message, 'cause' in init ? { cause: init.cause } : undefined);
    this.code = code;
    this.retryable = RETRYABLE.has(code);
    if (init.details !== undefined) this.details = init.details;
  }

  /** @internal */
  get [BRAND](): true {
    return true;
  }

  /** Translates a foreign error at the boundary where it enters; an `N2NError` passes as it is. */
  static from(reason: unknown, code: N2NErrorCode, context: string): N2NError {
    if (reason instanceof N2NError) return reason;
    return new N2NError(code, `${context}: ${messageOf(reason)}`, { cause: reason });
  }
}

/** The most telling text of anything that was thrown. */
export function messageOf(reason: unknown): string {
  if (reason instanceof AggregateError && reason.message === '') {
    return reason.errors.map(messageOf).join('; ');
  }
  if (reason instanceof Error) return reason.message;
  try {
    return String(reason);
  } catch {
    // An object without a prototype, or with a toString that throws.
    return 'something that has no text';
  }
}

export function isN2NErrorCode(value: unknown): value is N2NErrorCode {
  return (N2N_ERROR_CODES as readonly unknown[]).includes(value);
}

/** An error for a log: with its stack, where it has one. Some, such as RxJS's, have a stack that does not tell their message. */
export function traceOf(reason: unknown): string {
  const message = messageOf(reason);
  if (!(reason instanceof Error) || typeof reason.stack !== 'string') return message;
  return reason.stack.includes(message) ? reason.stack : `${message}\n${reason.stack}`;
}
