import {
  isAnyArrayBuffer,
  isDataView,
  isSharedArrayBuffer,
  isUint8Array,
  isUint8ClampedArray,
} from 'node:util/types';

/**
 * The bytes of a value that is nothing else: each of them arrives as a Buffer. The numbers of other typed arrays are no
 * bytes, and would change.
 *
 * @throws TypeError where its memory was transferred to another thread
 */
export function bytesOf(value: object): Uint8Array | undefined {
  if (isUint8Array(value) || isUint8ClampedArray(value) || isDataView(value)) {
    const { buffer, byteOffset, byteLength } = value;
    // Both a transferred buffer and an empty one have length 0. Only for the transferred one does this throw.
    if (byteLength === 0) return new Uint8Array(buffer, 0, 0);
    return value instanceof Uint8Array ? value : new Uint8Array(buffer, byteOffset, byteLength);
  }
  if (!isAnyArrayBuffer(value)) return undefined;
  const bytes = new Uint8Array(value);
  // Other threads may write to it meanwhile.
  return isSharedArrayBuffer(value) ? bytes.slice() : bytes;
}
