import type { Socket } from 'node:net';
import { HEADER_BYTES, writeFrame, type Writer } from './frame.js';

const SLAB_BYTES = 64 * 1024;

/** UTF-8 takes at most three bytes for each UTF-16 unit of a string. */
const MOST_BYTES_A_UNIT = 3;

/** Gathers the frames of a turn in a slab, and writes it once. */
export class SlabWriter implements Writer {
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #used = 0;
  #flushDue = false;

  constructor(private readonly socket: Socket) {}

  send(call: number, text: string): void {
    const most = HEADER_BYTES + text.length * MOST_BYTES_A_UNIT;
    if (most > SLAB_BYTES - this.#used) {
      this.#flush();
      if (most > SLAB_BYTES) return this.#sendAlone(call, text);
    }
    this.#used = writeFrame(this.#slab, this.#used, call, text);
    if (!this.#flushDue) {
      this.#flushDue = true;
      // Before the next event of the loop, and so without delay for a call that is alone.
      process.nextTick(this.#flushTurn);
    }
  }

  readonly #flushTurn = (): void => {
    this.#flushDue = false;
    this.#flush();
  };

  #flush(): void {
    if (this.#used === 0) return;
    this.socket.write(this.#slab.subarray(0, this.#used));
    this.#used = 0;
    // What the kernel has taken may be overwritten; a slab of which something waits still belongs to the socket.
    if (this.socket.writableLength > 0) this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  }

  #sendAlone(call: number, text: string): void {
    const frame = Buffer.allocUnsafeSlow(HEADER_BYTES + Buffer.byteLength(text));
    writeFrame(frame, 0, call, text);
    this.socket.write(frame);
  }
}
