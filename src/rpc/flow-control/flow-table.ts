import type { ChunkWriter } from '../../protocol/frames/chunk-writer.js';
import { FRAME_HEADER_BYTES, MAX_BODIES } from '../../protocol/frames/frame.js';
import { Fifo } from '../../protocol/buffers/fifo.js';
import { IdTable } from '../../protocol/buffers/id-table.js';
import { Reassembly } from '../../protocol/frames/reassembly.js';
import type { Session } from '../../session/session.js';
import { FragmentScheduler } from './fragment-scheduler.js';
import { ReceiveWindow } from './receive-window.js';
import { SendWindow, type FrameSink } from './send-window.js';

/**
 * What the calls of a peer send and receive beyond single short values, by the id of the call: an id stands for one flow
 * in either direction. Most calls have none.
 */
export class FlowTable implements FrameSink {
  private readonly sendWindows = new IdTable<SendWindow>();
  private readonly receiveWindows = new IdTable<ReceiveWindow>();
  /** Those that have something to send, in the order of their turns. */
  private readonly ready = new Fifo<SendWindow>();
  /** Most peers never send a body in fragments. */
  private fragmentScheduler: FragmentScheduler | undefined;
  private readonly reassembly: Reassembly;

  /** @param maxBody the longest body that is taken, in bytes */
  constructor(
    private readonly session: Session,
    maxBody: number,
  ) {
    this.reassembly = new Reassembly(maxBody, MAX_BODIES);
  }

  /** What the call sends, if it has a flow already. */
  peekSendWindow(id: number): SendWindow | undefined {
    return this.sendWindows.get(id);
  }

  /** What the call sends. */
  sendWindow(id: number): SendWindow {
    let sendWindow = this.sendWindows.get(id);
    if (sendWindow === undefined) {
      sendWindow = new SendWindow(id, this, () => this.session.maxPayload);
      this.sendWindows.add(id, sendWindow);
    }
    return sendWindow;
  }

  /** What the call receives, if it has a flow already. */
  peekReceiveWindow(id: number): ReceiveWindow | undefined {
    return this.receiveWindows.get(id);
  }

  /** What the call receives. */
  receiveWindow(id: number): ReceiveWindow {
    let receiveWindow = this.receiveWindows.get(id);
    if (receiveWindow === undefined) {
      receiveWindow = new ReceiveWindow((items, bytes) => this.grant(id, items, bytes));
      this.receiveWindows.add(id, receiveWindow);
    }
    return receiveWindow;
  }

  /** Forgets what the call sends: nothing of it leaves any more. */
  dropSendWindow(id: number): void {
    const sendWindow = this.sendWindows.take(id);
    if (sendWindow === undefined) return;
    sendWindow.drop();
    this.fragmentScheduler?.forget(sendWindow);
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
   * Takes a fragment of a body. It is copied, and granted again, as it comes. `chunk` may be empty after that, if the
   * fragment is all of it.
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
    const receiveWindow = this.receiveWindow(id);
    receiveWindow.onFragment(to - from);
    const whole = this.reassembly.add(type, id, chunk.subarray(from, to), last);
    const isAlone = to - from + FRAME_HEADER_BYTES === chunk.length;
    if (isAlone) this.session.releaseChunk();
    receiveWindow.onConsumed(0, to - from);
    return whole;
  }

  /** Forgets what the call receives, and what came of it in part. */
  dropReceiveWindow(id: number): void {
    // A body that came in part has a receive window.
    if (this.receiveWindows.take(id) !== undefined) this.reassembly.drop(id);
  }

  /** Forgets everything; whoever waits to send is let go. */
  clear(): void {
    const sendWindows = this.sendWindows.values();
    this.ready.clear();
    this.fragmentScheduler = undefined;
    this.sendWindows.clear();
    this.receiveWindows.clear();
    for (const sendWindow of sendWindows) sendWindow.drop();
  }

  /**
   * Lets the flows send in turn, a fragment's worth each, so that none holds up the others.
   * @returns whether anything was sent
   */
  pull(): boolean {
    // Whoever cannot send asks again, and has its next turn with the next pull.
    for (let left = this.ready.size; left > 0; left--) {
      if (this.ready.shift()?.pull() === true) return true;
    }
    return false;
  }

  writer(): ChunkWriter {
    return this.session.writerForReply();
  }

  writeFrames(frames: Buffer): void {
    this.session.writeFrames(frames);
  }

  requestPull(sendWindow: SendWindow): void {
    this.ready.push(sendWindow);
    this.session.flushSoon();
  }

  beginBody(sendWindow: SendWindow): boolean {
    this.fragmentScheduler ??= new FragmentScheduler();
    return this.fragmentScheduler.begin(sendWindow);
  }

  endBody(): void {
    this.fragmentScheduler?.end();
  }

  /** CREDIT, which is a sign of life as well. */
  grant(id: number, items: number, bytes: number): void {
    if (!this.session.isOpen) return;
    this.session.writerForReply().writeCredit(id, items, bytes);
    this.session.flushSoon();
  }
}
