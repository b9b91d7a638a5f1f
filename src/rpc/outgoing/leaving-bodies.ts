import { IdTable } from '../../protocol/buffers/id-table.js';
import type { FragmentedBody } from '../../protocol/frames/fragmented-body.js';

/** Requests and events that are being sent in fragments. */
export class LeavingBodies {
  private readonly bodies = new IdTable<FragmentedBody>();
  private onAllLeft: (() => void) | undefined = undefined;

  get isEmpty(): boolean {
    return this.bodies.size === 0;
  }

  has(id: number): boolean {
    return this.bodies.has(id);
  }

  add(id: number, body: FragmentedBody): void {
    this.bodies.add(id, body);
  }

  /** One has left, or is not wanted any more. @returns whether it was the last */
  remove(id: number): boolean {
    if (this.bodies.take(id) === undefined || this.bodies.size > 0) return false;
    const { onAllLeft } = this;
    this.onAllLeft = undefined;
    onAllLeft?.();
    return true;
  }

  /** Calls back once all have left. There can be one callback. */
  whenAllLeft(callback: () => void): void {
    if (this.isEmpty) callback();
    else this.onAllLeft = callback;
  }

  clear(): void {
    this.bodies.clear();
    this.onAllLeft = undefined;
  }
}
