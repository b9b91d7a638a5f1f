import { messageOf } from '../../n2n-error.js';
import { isRecord } from '../option-checks.js';

/** Why one transport failed to connect. */
export interface DialFailure {
  readonly message: string;
  readonly cause: unknown;
  /** The `data` of the middleware's error. */
  readonly data?: unknown;
  /** Whether the other transports would fail, too. */
  readonly isFinal: boolean;
}

/** Errors of DNS, TCP and TLS, which do not depend on the transport. */
const BEFORE_ANY_TRANSPORT =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ENOENT|EACCES|.*CERT.*)$/;

/** The server answered Socket.IO's handshake with an error: of a middleware, or of an unknown namespace. */
export function refusal(error: Error): DialFailure {
  return {
    message: `the server refused the handshake: ${error.message}`,
    cause: error,
    data: 'data' in error ? error.data : undefined,
    isFinal: true,
  };
}

export function transportFailure(error: unknown): DialFailure {
  const root = rootOf(error);
  const code = root instanceof Error && 'code' in root ? String(root.code) : '';
  return { message: transportErrorMessage(error), cause: root, isFinal: BEFORE_ANY_TRANSPORT.test(code) };
}

/** The message of an Engine.IO error, with the message of the underlying error. */
export function transportErrorMessage(error: unknown): string {
  const message = messageOf(error);
  const root = rootOf(error);
  if (!(root instanceof Error)) return message;
  const rootMessage = messageOf(root);
  return message.includes(rootMessage) ? message : `${message}: ${rootMessage}`;
}

/** Engine.IO keeps the cause in `description`. It is an Error, or the event of a WebSocket with an `error`. */
function rootOf(error: unknown): unknown {
  const description = propertyOf(error, 'description');
  const inEvent = propertyOf(description, 'error');
  return [inEvent, description].find((candidate) => candidate instanceof Error) ?? error;
}

function propertyOf(value: unknown, name: string): unknown {
  return isRecord(value) ? value[name] : undefined;
}
