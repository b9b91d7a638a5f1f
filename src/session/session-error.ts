import { N2NError, isN2NErrorCode, messageOf, type N2NErrorCode } from '../n2n-error.js';
import type { Chunk } from '../protocol/frames/chunk.js';
import { frameChunk } from '../protocol/frames/chunk-writer.js';
import { FLAG_SYSTEM, FrameType, SESSION_ID, VALUE_FORM_MASK, ValueForm } from '../protocol/frames/frame.js';
import { decodeValue } from '../protocol/values/value.js';

/** The last chunk of a session. It says why the session ends. */
export function errorChunk({ code, message }: N2NError): Chunk {
  const body = Buffer.from(JSON.stringify({ code, message }));
  return frameChunk(FrameType.ERROR, FLAG_SYSTEM | ValueForm.UTF8_JSON, SESSION_ID, body);
}

/** Why the other side ended the session. */
export interface SessionEnd {
  readonly error: N2NError;
  /** Whether it was closed, and not broken off. */
  readonly isClose: boolean;
}

/** Reads why the other side ended the session. */
export function readSessionEnd(flags: number, chunk: Buffer, from: number, to: number): SessionEnd {
  const said = decodeValue(flags & VALUE_FORM_MASK, chunk, from, to);
  const { code, message } = (said ?? {}) as { code?: unknown; message?: unknown };
  const error = new N2NError(codeHere(code), `The other side says: ${messageOf(message)}`);
  return { error, isClose: code === 'CLOSED' };
}

/** The code on this side: a session that the other side closed is a lost connection here. */
function codeHere(code: unknown): N2NErrorCode {
  if (code === 'CLOSED') return 'CONNECTION_LOST';
  return isN2NErrorCode(code) ? code : 'PROTOCOL_ERROR';
}

/** @param otherSide see `SessionOptions` */
export function linkLost(otherSide: string, reason: string): N2NError {
  return new N2NError('CONNECTION_LOST', `The connection to ${otherSide} was lost: ${reason}.`);
}

export function windowPassed(otherSide: string, reason: string, window: number): N2NError {
  return new N2NError(
    'CONNECTION_LOST',
    `The connection to ${otherSide} was lost (${reason}) and did not come back in ${window} ms, the window of its session.`,
    { details: { window } },
  );
}

export function notTaken(pendingBytes: number, maxPending: number): N2NError {
  return new N2NError('OVERLOADED', 'The other side does not take what is sent; try again when it does.', {
    details: { pendingBytes, maxPending },
  });
}

export function notRead(): N2NError {
  return new N2NError('OVERLOADED', 'The other side asks and does not read the answers.');
}
