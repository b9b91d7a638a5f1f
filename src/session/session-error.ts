import { N2NError, isN2NErrorCode, messageOf, type N2NErrorCode } from '../n2n-error.js';
import type { Chunk } from '../protocol/frames/chunk.js';
import { frameChunk } from '../protocol/frames/chunk-writer.js';
import { FLAG_SYSTEM, FrameType, SESSION_ID, VALUE_FORM_MASK, ValueForm } from '../protocol/frames/frame.js';
import { decodeValue } from '../protocol/values/value.js';

/** The last chunk of a session. It says why the session ends. */
export function sessionErrorChunk({ code, message }: N2NError): Chunk {
  const body = Buffer.from(JSON.stringify({ code, message }));
  return frameChunk(FrameType.ERROR, FLAG_SYSTEM | ValueForm.UTF8_JSON, SESSION_ID, body);
}

/** Reads why the other side ended the session. */
export function readSessionError(flags: number, chunk: Buffer, from: number, to: number): N2NError {
  const said = decodeValue(flags & VALUE_FORM_MASK, chunk, from, to);
  const { code, message } = (said ?? {}) as { code?: unknown; message?: unknown };
  return new N2NError(codeHere(code), `The other side says: ${messageOf(message)}`);
}

/** The code on this side: a session that the other side closed is a lost connection here. */
function codeHere(code: unknown): N2NErrorCode {
  if (code === 'CLOSED') return 'CONNECTION_LOST';
  return isN2NErrorCode(code) ? code : 'PROTOCOL_ERROR';
}
