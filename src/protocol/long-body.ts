import type { FrameType } from './frame.js';

/** A body that is too long for one frame, and how much of it has been sent. Its bytes are copied as they leave. */
export class LongBody {
  private part = 0;
  private offset = 0;

  constructor(
    readonly type: FrameType,
    readonly flags: number,
    readonly id: number,
    private readonly parts: readonly Uint8Array[],
    /** Bytes that have not been sent. */
    public missing: number,
  ) {}

  /** Whether a fragment of it has been sent. */
  get isBegun(): boolean {
    return this.part > 0 || this.offset > 0;
  }

  /** Moves the next `size` bytes to where they leave from. */
  copy(size: number, to: Buffer, at: number): void {
    let copied = 0;
    while (copied < size) {
      const part = this.parts[this.part];
      const taken = Math.min(size - copied, part.length - this.offset);
      to.set(part.subarray(this.offset, this.offset + taken), at + copied);
      copied += taken;
      this.offset += taken;
      if (this.offset === part.length) {
        this.part += 1;
        this.offset = 0;
      }
    }
    this.missing -= size;
  }
}
