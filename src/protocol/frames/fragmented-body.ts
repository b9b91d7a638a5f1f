import type { FrameType } from './frame.js';

/** A body that is too long for one frame, with its progress. Its bytes are not copied. */
export class FragmentedBody {
  private part = 0;
  private offset = 0;

  constructor(
    readonly type: FrameType,
    readonly flags: number,
    readonly id: number,
    private readonly parts: readonly Uint8Array[],
    /** The number of bytes that have not been sent. */
    public missing: number,
  ) {}

  /** Whether a fragment of it has been sent. */
  get isBegun(): boolean {
    return this.part > 0 || this.offset > 0;
  }

  /** Takes the next `size` bytes, as views. */
  take(size: number): Uint8Array[] {
    const taken: Uint8Array[] = [];
    let left = size;
    while (left > 0) {
      const part = this.parts[this.part];
      const view = part.subarray(this.offset, this.offset + left);
      if (view.length > 0) taken.push(view);
      left -= view.length;
      this.offset += view.length;
      if (this.offset === part.length) {
        this.part += 1;
        this.offset = 0;
      }
    }
    this.missing -= size;
    return taken;
  }
}
