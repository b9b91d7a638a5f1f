import { utf8Text } from './text.js';

/** Longer texts are not cached. */
const MOST_BYTES = 64;

/** A power of two. */
const SLOTS = 128;

interface KnownText {
  readonly bytes: Uint8Array;
  readonly text: string;
}

/**
 * A cache of texts that repeat, such as patterns. Comparing the bytes with those of the text in the slot takes 15 ns;
 * reading the text, and hashing it for the lookup that follows, takes 150 ns.
 */
export class TextCache {
  private readonly slots: (KnownText | undefined)[] = Array.from({ length: SLOTS }, () => undefined);

  read(from: Buffer, start: number, end: number): string {
    const length = end - start;
    if (length === 0 || length > MOST_BYTES) return utf8Text(from, start, end);
    // The ends of patterns differ more than their beginnings.
    const slot = (31 * length + 7 * from[end - 1] + from[start + (length >>> 1)]) & (SLOTS - 1);
    const known = this.slots[slot];
    if (known !== undefined && isSame(known.bytes, from, start, length)) return known.text;
    const text = utf8Text(from, start, end);
    this.slots[slot] = { bytes: Uint8Array.from(from.subarray(start, end)), text };
    return text;
  }
}

function isSame(bytes: Uint8Array, from: Buffer, start: number, length: number): boolean {
  if (bytes.length !== length) return false;
  for (let index = 0; index < length; index++) if (bytes[index] !== from[start + index]) return false;
  return true;
}
