import { messageOf } from '../../n2n-error.js';
import { isRecord } from '../option-checks.js';

/** Why one transport did not come to a connection. */
export interface DialFailure {
  readonly message: string;
  readonly cause: unknown;
  /** What the server's middleware gave as the error's `data`. */
  readonly data?: unknown;
  /** Whether another transport would fail likewise, so that there is no use in trying it. */
  readonly isFinal: boolean;
}

/** Errors of reaching or trusting the server at all, which come before any transport has had its say. */
const BEFORE_ANY_TRANSPORT =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ENOENT|EACCES|.*CERT.*)$/;

/** The server's Socket.IO half answered the handshake with an error: a middleware's, or an unknown namespace's. */
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

/** The message of an Engine.IO error with that of the error underneath, which it leaves out. */
export function transportErrorMessage(error: unknown): string {
  const message = messageOf(error);
  const root = rootOf(error);
  if (!(root instanceof Error)) return message;
  const rootMessage = messageOf(root);
  return message.includes(rootMessage) ? message : `${message}: ${rootMessage}`;
}

/** Engine.IO keeps the cause in `description`: an Error, or the event of a WebSocket, which has it in `error`. */
function rootOf(error: unknown): unknown {
  const description = propertyOf(error, 'description');
  const inEvent = propertyOf(description, 'error');
  return [inEvent, description].find((candidate) => candidate instanceof Error) ?? error;
}

function propertyOf(value: unknown, name: string): unknown {
  return isRecord(value) ? value[name] : undefined;
}
