import { MAX_FRAGMENTED_BODIES } from '../../limits.js';
import type { ChunkWriter } from '../../protocol/frames/chunk-writer.js';
import { FRAME_HEADER_BYTES } from '../../protocol/frames/frame.js';
import { Fifo } from '../../protocol/buffers/fifo.js';
import { IdTable } from '../../protocol/buffers/id-table.js';
import { Reassembly } from '../../protocol/frames/reassembly.js';
import type { Session } from '../../session/session.js';
import { FragmentScheduler } from './fragment-scheduler.js';
import { ReceiveWindow } from './receive-window.js';
import { SendWindow, type FrameSink } from './send-window.js';

/**
 * The flow control of a peer's calls: for each id a send window and a receive window. Only calls that send or receive
 * more than a single short value have one.
 */
export class FlowTable implements FrameSink {
  private readonly sendWindows = new IdTable<SendWindow>();
  private readonly receiveWindows = new IdTable<ReceiveWindow>();
  /** Send windows with something to send, in the order of their turns. */
  private readonly ready = new Fifo<SendWindow>();
  /** Created on first use: most peers never send a body in fragments. */
  private fragmentScheduler: FragmentScheduler | undefined;
  private readonly reassembly: Reassembly;

  /** @param maxBody the longest body that is accepted, in bytes */
  constructor(
    private readonly session: Session,
    maxBody: number,
  ) {
    this.reassembly = new Reassembly(maxBody, MAX_FRAGMENTED_BODIES);
  }

  /** The send window of the call, if it has one. */
  peekSendWindow(id: number): SendWindow | undefined {
    return this.sendWindows.get(id);
  }

  /** The send window of the call. It is created on first use. */
  sendWindow(id: number): SendWindow {
    let sendWindow = this.sendWindows.get(id);
    if (sendWindow === undefined) {
      sendWindow = new SendWindow(id, this, () => this.session.maxPayload);
      this.sendWindows.add(id, sendWindow);
    }
    return sendWindow;
  }

  /** The receive window of the call, if it has one. */
  peekReceiveWindow(id: number): ReceiveWindow | undefined {
    return this.receiveWindows.get(id);
  }

  /** The receive window of the call. It is created on first use. */
  receiveWindow(id: number): ReceiveWindow {
    let receiveWindow = this.receiveWindows.get(id);
    if (receiveWindow === undefined) {
      receiveWindow = new ReceiveWindow((items, bytes) => this.grant(id, items, bytes));
      this.receiveWindows.add(id, receiveWindow);
    }
    return receiveWindow;
  }

  /** Forgets the send window of the call: its waiting frames are not sent. */
  dropSendWindow(id: number): void {
    const sendWindow = this.sendWindows.take(id);
    if (sendWindow === undefined) return;
    sendWindow.drop();
    this.fragmentScheduler?.forget(sendWindow);
  }

  /** Whether a part of a body has come. */
  get isReceiving(): boolean {
    return !this.reassembly.isEmpty;
  }

  /** Whether a frame of this type and id continues a body. */
  isUnderWay(type: number, id: number): boolean {
    return !this.reassembly.isEmpty && this.reassembly.isUnderWay(type, id);
  }

  /**
   * Takes a fragment of a body. It is copied, and granted again, at once. If the chunk holds nothing else, it is
   * released: `chunk` may be empty after that.
   * @returns the body, with its last fragment
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

  /** Forgets the receive window of the call, and the fragments of its body. */
  dropReceiveWindow(id: number): void {
    // Every body of which a part has come has a receive window.
    if (this.receiveWindows.take(id) !== undefined) this.reassembly.drop(id);
  }

  /** Forgets everything, and calls back everybody who waits to send. */
  clear(): void {
    const sendWindows = this.sendWindows.values();
    this.ready.clear();
    this.fragmentScheduler = undefined;
    this.sendWindows.clear();
    this.receiveWindows.clear();
    for (const sendWindow of sendWindows) sendWindow.drop();
  }

  /**
   * Lets the send windows send in turn, one fragment at a time, so that none delays the others.
   * @returns whether anything was sent
   */
  pull(): boolean {
    // A send window that cannot send asks again, and has its next turn in the next pull.
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

  /** Sends CREDIT, which is a sign of life, too. */
  grant(id: number, items: number, bytes: number): void {
    if (!this.session.isOpen) return;
    this.session.writerForReply().writeCredit(id, items, bytes);
    this.session.flushSoon();
  }
}
