/**
 * A frame of the floors: two 32-bit words, big-endian, then JSON text.
 *
 *     length of the text in bytes, times 2, plus 1 if the text is ASCII | number of the call | text
 *
 * The ASCII bit costs the sender nothing (as many bytes as characters) and lets the receiver decode Latin-1, which is
 * faster than UTF-8.
 */
export const HEADER_BYTES = 8;

/** Where frames go. */
export interface Writer {
  send(call: number, text: string): void;
}

/**
 * The encoding-specific methods of Node's buffers: `write` and `toString` find these by name on every call. They have
 * been there since Node 0.x and are not in its documentation, nor in its types.
 */
interface DirectBuffer {
  utf8Write(text: string, offset: number): number;
  utf8Slice(start: number, end: number): string;
  latin1Slice(start: number, end: number): string;
}

/** Writes a frame at `offset`, where there is room; returns the offset after it. */
export function writeFrame(target: Buffer, offset: number, call: number, text: string): number {
  const bytes = direct(target).utf8Write(text, offset + HEADER_BYTES);
  target.writeUInt32BE(bytes * 2 + (bytes === text.length ? 1 : 0), offset);
  target.writeUInt32BE(call, offset + 4);
  return offset + HEADER_BYTES + bytes;
}

/** Cuts a stream into frames, however it is sliced. */
export class FrameReader {
  readonly #onFrame: (call: number, text: string) => void;
  // The pieces of a frame that has not come whole: joined once, when it has, so that reading stays linear.
  #pieces: Buffer[] = [];
  #have = 0;
  #need = 0;

  constructor(onFrame: (call: number, text: string) => void) {
    this.#onFrame = onFrame;
  }

  push(read: Buffer): void {
    let chunk = read;
    if (this.#have > 0) {
      this.#pieces.push(read);
      this.#have += read.length;
      if (this.#have < this.#need) return;
      chunk = Buffer.concat(this.#pieces, this.#have);
      this.#pieces = [];
      this.#have = 0;
    }
    const rest = this.#readWhole(chunk);
    if (rest < chunk.length) {
      this.#pieces.push(chunk.subarray(rest));
      this.#have = chunk.length - rest;
    }
  }

  /** Reads the frames that are whole; returns the offset of the first that is not. */
  #readWhole(chunk: Buffer): number {
    const { length } = chunk;
    let offset = 0;
    while (length - offset >= HEADER_BYTES) {
      const word = chunk.readUInt32BE(offset);
      const start = offset + HEADER_BYTES;
      const end = start + (word >>> 1);
      if (end > length) {
        this.#need = end - offset;
        return offset;
      }
      const text =
        (word & 1) === 1 ? direct(chunk).latin1Slice(start, end) : direct(chunk).utf8Slice(start, end);
      this.#onFrame(chunk.readUInt32BE(offset + 4), text);
      offset = end;
    }
    this.#need = HEADER_BYTES;
    return offset;
  }
}

function direct(buffer: Buffer): DirectBuffer {
  // oxlint-disable-next-line no-unsafe-type-assertion -- they are there, the types leave them out
  return buffer as unknown as DirectBuffer;
}
