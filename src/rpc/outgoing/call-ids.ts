import { MAX_ID } from '../../limits.js';

/** Chooses the ids of one side's calls: odd ids for the dialing side, even ones for the other. */
export class CallIds {
  private following: number;
  /**
   * Whether the ids have started again at the first one: then an old call, such as a long stream, may have the next id.
   */
  private isRecycled = false;

  /** @param first 1 or 2; ids count up from there in twos */
  constructor(private readonly first: number) {
    this.following = first;
  }

  /** @param isInUse whether a call that is not over has the id */
  take(isInUse: (id: number) => boolean): number {
    let id = this.following;
    while (this.isRecycled && isInUse(id)) id = this.after(id);
    this.following = this.after(id);
    return id;
  }

  private after(id: number): number {
    if (id + 2 <= MAX_ID) return id + 2;
    this.isRecycled = true;
    return this.first;
  }
}
