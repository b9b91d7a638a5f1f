import { N2NError } from '../../n2n-error.js';
import { refuseUnsendable } from './sendable.js';

/** Event names that Socket.IO reserves for itself. */
const RESERVED: ReadonlySet<string> = new Set([
  'connect',
  'connect_error',
  'disconnect',
  'disconnecting',
  'newListener',
  'removeListener',
]);

/** A Socket.IO socket, room or server. */
interface Emitter {
  emit(event: string, ...args: unknown[]): unknown;
}

/**
 * Emits a plain Socket.IO event.
 * @throws N2NError `INVALID_OPTIONS` for a reserved name; `NOT_SERIALIZABLE`
 */
export function emitPlain(target: Emitter, event: string, ...args: unknown[]): void {
  if (RESERVED.has(event)) {
    throw new N2NError(
      'INVALID_OPTIONS',
      `"${event}" is reserved, and cannot be sent as a plain event of Socket.IO.`,
    );
  }
  for (const value of args) refuseUnsendable(value);
  try {
    target.emit(event, ...args);
  } catch (error) {
    throw N2NError.from(error, 'NOT_SERIALIZABLE', `The event "${event}" cannot be written`);
  }
}
