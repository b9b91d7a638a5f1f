import type { ChunkWriter } from '../../protocol/frames/chunk-writer.js';
import { FRAME_HEADER_BYTES, MAX_BODIES } from '../../protocol/frames/frame.js';
import { IdTable } from '../../protocol/buffers/id-table.js';
import { Reassembly } from '../../protocol/frames/reassembly.js';
import { releaseMemory } from '../../release-memory.js';
import type { Session } from '../../session/session.js';
import { BodyTurns } from './fragment-scheduler.js';
import { Inflow } from './receive-window.js';
import { Outflow, type FrameSink } from './send-window.js';

/**
 * What the calls of a peer send and receive beyond single short values, by the id of the call: an id stands for one flow
 * in either direction. Most calls have none.
 */
export class Flows implements FrameSink {
  private readonly outflows = new IdTable<Outflow>();
  private readonly inflows = new IdTable<Inflow>();
  /** Those that have something to send, in the order of their turns. */
  private enlisted: Outflow[] = [];
  /** Most peers never send a body in fragments. */
  private bodyTurns: BodyTurns | undefined;
  private readonly reassembly: Reassembly;

  /** @param maxBody the longest body that is taken, in bytes */
  constructor(
    private readonly session: Session,
    maxBody: number,
  ) {
    this.reassembly = new Reassembly(maxBody, MAX_BODIES);
  }

  /** What the call sends, if it has a flow already. */
  peekOut(id: number): Outflow | undefined {
    return this.outflows.get(id);
  }

  /** What the call sends. */
  out(id: number): Outflow {
    let outflow = this.outflows.get(id);
    if (outflow === undefined) {
      outflow = new Outflow(id, this, () => this.session.maxPayload);
      this.outflows.add(id, outflow);
    }
    return outflow;
  }

  /** What the call receives, if it has a flow already. */
  peekIn(id: number): Inflow | undefined {
    return this.inflows.get(id);
  }

  /** What the call receives. */
  in(id: number): Inflow {
    let inflow = this.inflows.get(id);
    if (inflow === undefined) {
      inflow = new Inflow((items, bytes) => this.grant(id, items, bytes));
      this.inflows.add(id, inflow);
    }
    return inflow;
  }

  /** Forgets what the call sends: nothing of it leaves any more. */
  dropOut(id: number): void {
    const outflow = this.outflows.take(id);
    if (outflow === undefined) return;
    outflow.drop();
    this.bodyTurns?.forget(outflow);
  }

  /** Whether a body has come in part. */
  get isReceiving(): boolean {
    return !this.reassembly.isEmpty;
  }

  /** Whether a frame of this type and id goes on with a body that came in part. */
  isUnderWay(type: number, id: number): boolean {
    return !this.reassembly.isEmpty && this.reassembly.isUnderWay(type, id);
  }

  /**
   * Takes a fragment of a body. It is copied, and granted again, as it comes. `chunk` is empty after that, if nothing else
   * stands in it.
   * @returns the body, once it is whole
   * @throws N2NError `PROTOCOL_ERROR`
   */
  takeFragment(
    type: number,
    id: number,
    chunk: Buffer,
    from: number,
    to: number,
    last: boolean,
  ): Buffer | undefined {
    const inflow = this.in(id);
    inflow.onFragment(to - from);
    const whole = this.reassembly.add(type, id, chunk.subarray(from, to), last);
    const isAlone = to - from + FRAME_HEADER_BYTES === chunk.length;
    if (isAlone && this.session.isChunkReleasable) releaseMemory(chunk);
    inflow.onConsumed(0, to - from);
    return whole;
  }

  /** Forgets what the call receives, and what came of it in part. */
  dropIn(id: number): void {
    // A body that came in part has an inflow.
    if (this.inflows.take(id) !== undefined) this.reassembly.drop(id);
  }

  /** Forgets everything; whoever waits to send is let go. */
  clear(): void {
    const outflows = this.outflows.values();
    this.enlisted = [];
    this.bodyTurns = undefined;
    this.outflows.clear();
    this.inflows.clear();
    for (const outflow of outflows) outflow.drop();
  }

  /**
   * Lets the flows send in turn, a fragment's worth each, so that none holds up the others.
   * @returns whether anything was sent
   */
  pull(): boolean {
    // Whoever cannot send asks again, and has its next turn with the next pull.
    for (let left = this.enlisted.length; left > 0; left--) {
      if (this.enlisted.shift()?.pull() === true) return true;
    }
    return false;
  }

  writer(): ChunkWriter {
    return this.session.writerForReply();
  }

  writeFrames(frames: Buffer): void {
    this.session.writeFrames(frames);
  }

  enlist(outflow: Outflow): void {
    this.enlisted.push(outflow);
    this.session.flushSoon();
  }

  beginBody(outflow: Outflow): boolean {
    this.bodyTurns ??= new BodyTurns();
    return this.bodyTurns.begin(outflow);
  }

  endBody(): void {
    this.bodyTurns?.end();
  }

  /** CREDIT, which is a sign of life as well. */
  grant(id: number, items: number, bytes: number): void {
    if (!this.session.isOpen) return;
    this.session.writerForReply().writeCredit(id, items, bytes);
    this.session.flushSoon();
  }
}
