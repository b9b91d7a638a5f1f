import { isAnyArrayBuffer } from 'node:util/types';
import { N2NError } from '../../n2n-error.js';
import { MAX_SEARCHED_DEPTH } from '../../limits.js';

/**
 * Refuses values that Socket.IO treats as bytes, but no transport can write. Otherwise the error would occur when the packet
 * is written, and no caller would get it.
 *
 * @throws N2NError `NOT_SERIALIZABLE` for a Blob, a File, and bytes whose memory was transferred
 */
export function refuseUnsendable(value: unknown, path = '', level = 0): void {
  if (typeof value !== 'object' || value === null || level > MAX_SEARCHED_DEPTH) return;
  if (value instanceof Blob) {
    throw refusal('A Blob', path, 'Send its bytes: new Uint8Array(await blob.arrayBuffer()).');
  }
  if (isAnyArrayBuffer(value) || ArrayBuffer.isView(value)) {
    if (isDetached(value)) throw refusal('An ArrayBuffer that was transferred', path, 'Send a copy of it.');
    return;
  }
  for (const [key, member] of Object.entries(value)) {
    if (typeof member === 'object') refuseUnsendable(member, path === '' ? key : `${path}.${key}`, level + 1);
  }
}

/** Node 20 has no `ArrayBuffer.prototype.detached`. */
function isDetached(value: ArrayBufferLike | ArrayBufferView): boolean {
  if (value.byteLength > 0) return false;
  try {
    return new Uint8Array('buffer' in value ? value.buffer : value).length < 0;
  } catch {
    return true;
  }
}

function refusal(what: string, path: string, remedy: string): N2NError {
  const where = path === '' ? '' : ` at "${path}"`;
  return new N2NError('NOT_SERIALIZABLE', `${what}${where} cannot be sent. ${remedy}`);
}
