import type { TimerHandle } from '../clock.js';
import { N2NError } from '../n2n-error.js';
import { Chunk } from '../protocol/frames/chunk.js';
import { readChunk, type FrameHandler } from '../protocol/frames/chunk-reader.js';
import { ackChunk, ChunkWriter } from '../protocol/frames/chunk-writer.js';
import { ACK_BODY_BYTES, FrameType, SESSION_ID, SKIPPABLE } from '../protocol/frames/frame.js';
import { readU32 } from '../protocol/buffers/u32.js';
import { ChunkFlush } from './chunk-flush.js';
import type { Link, LinkEvents } from './link.js';
import { ReceivedBytes } from './received-bytes.js';
import type { SessionEvents, SessionOptions } from './session-options.js';
import { ReplayBuffer } from './replay-buffer.js';
import { readSessionError, sessionErrorChunk } from './session-error.js';

/** `docs/sessions.md` draws it. */
type State =
  /** Before the first link, without a timer, and between two. */
  | { readonly is: 'unlinked'; readonly timer: TimerHandle | undefined }
  | { readonly is: 'linked'; readonly link: Link }
  | { readonly is: 'closed'; readonly error: N2NError };

/** For a link that the session has abandoned. */
const NOBODY: LinkEvents = { onChunk() {}, onWritable() {}, onBroken() {} };

/**
 * One conversation of two peers, which outlives its links. The frames of a turn are sent as one chunk. Each side counts
 * the bytes that it has sent and received, and keeps the chunks that the other has not acknowledged. After a break,
 * `attach` continues over another link: lost chunks are sent again, and nothing is received twice.
 */
export class Session implements LinkEvents, FrameHandler {
  private readonly writer: ChunkWriter;
  private readonly replay = new ReplayBuffer();
  private readonly isResumable: boolean;
  private state: State = { is: 'unlinked', timer: undefined };
  private chunkRelease: (() => void) | undefined = undefined;
  private readonly chunkFlush: ChunkFlush;
  private blocked = false;
  private readAt: number;
  private readonly receivedBytes = new ReceivedBytes();

  constructor(
    private readonly events: SessionEvents,
    private readonly options: SessionOptions,
  ) {
    this.writer = new ChunkWriter(options.maxSend);
    this.readAt = options.clock.now();
    this.chunkFlush = new ChunkFlush(options.clock, options.defer, this.flush);
    this.isResumable = options.window > 0;
  }

  /** The longest value that the other side accepts, in bytes. */
  get maxPayload(): number {
    return this.options.maxSend;
  }

  /** The number of bytes of the session that have come. */
  get received(): number {
    return this.receivedBytes.position;
  }

  /** When the chunk that is being read came, by the clock of the session. */
  get chunkTime(): number {
    return this.readAt;
  }

  /**
   * Gives the memory of the chunk that is being read back, if nobody else has it. The caller has copied the whole
   * chunk.
   */
  releaseChunk(): void {
    this.chunkRelease?.();
  }

  /** When the first of the frames of the next flush was written, by the clock of the session. */
  get turnTime(): number {
    return this.chunkFlush.turnTime;
  }

  /** Whether the session is not over. It may have no link at the moment. */
  get isOpen(): boolean {
    return this.state.is !== 'closed';
  }

  /** The number of bytes that are written and that no link has taken. */
  get unsentBytes(): number {
    return this.writer.pendingBytes;
  }

  /** Whether there is a link to send over. */
  get isLinked(): boolean {
    return this.state.is === 'linked';
  }

  /** Whether the session can continue at this position, which the other side has received. */
  canResumeFrom(received: number): boolean {
    if (!this.isOpen || !this.isResumable || received > this.replay.sent) return false;
    this.replay.acknowledge(received);
    return this.replay.acknowledged === received;
  }

  /**
   * Starts or continues over this link. A link that it still has is abandoned: the other side has noticed first that it
   * is broken. To continue, the caller has asked `canResumeFrom`.
   */
  attach(link: Link): void {
    const { state } = this;
    if (state.is === 'closed') {
      link.close(state.error.message);
      return;
    }
    if (state.is === 'linked') {
      state.link.open(NOBODY);
      state.link.close('the session goes on over another link');
    } else if (state.timer !== undefined) {
      this.options.clock.clearTimeout(state.timer);
    }
    this.state = { is: 'linked', link };
    this.blocked = false;
    this.events.onAttached(this.replay.bytes);
    for (const chunk of this.replay) this.blocked = !link.write(chunk);
    // Tells the other side that its HELLO has come: only then does it forget the ticket that this link came with.
    if (this.options.role === 'dialer') this.sendAck(link);
    link.open(this);
    this.flushSoon();
  }

  /**
   * Where frames of calls are written. The caller calls `flushSoon` after that.
   * @throws N2NError `OVERLOADED` when too many bytes wait for the link
   */
  writerForCall(): ChunkWriter {
    if (this.state.is === 'closed') throw this.state.error;
    if (this.writer.pendingBytes > this.options.maxPending) {
      throw new N2NError('OVERLOADED', 'The other side does not take what is sent; try again when it does.', {
        details: { pendingBytes: this.writer.pendingBytes, maxPending: this.options.maxPending },
      });
    }
    return this.writer;
  }

  /**
   * Where replies are written. A reply cannot be refused as a call can. If the other side keeps calling and does not
   * read, the session ends.
   */
  writerForReply(): ChunkWriter {
    if (this.writer.pendingBytes > this.options.maxBacklog) {
      this.close(new N2NError('OVERLOADED', 'The other side asks and does not read the answers.'));
    }
    return this.writer;
  }

  /** Sends whole frames that were written elsewhere as a chunk. Only `onWritable` may call it. */
  writeFrames(frames: Buffer): void {
    if (this.state.is === 'linked') this.send(this.state.link, new Chunk([frames]));
  }

  /** Sends the written frames at the end of the turn, and a large part of them before. */
  flushSoon(): void {
    if (this.chunkFlush.isEarly(this.writer.pendingBytes)) this.flushEarly();
    this.chunkFlush.schedule();
  }

  /** Sends the written frames and the reason, and ends the session. */
  close(error: N2NError): void {
    const { state } = this;
    if (state.is === 'linked') {
      this.flush();
      // Also to a full link, which sends it before it closes: otherwise the other side waits for this one to come back.
      state.link.write(sessionErrorChunk(error));
    }
    this.end(error);
    if (state.is === 'linked') state.link.close(error.message);
  }

  private flushEarly(): void {
    if (this.blocked || this.state.is !== 'linked' || this.isReplayFull) return;
    this.chunkFlush.onEarly();
    const chunk = this.writer.take();
    if (chunk !== undefined) this.send(this.state.link, chunk);
  }

  private readonly flush = (): void => {
    this.chunkFlush.onTurnEnd();
    if (this.receivedBytes.isAckWorthwhile && this.leavesAtOnce) this.writeAck();
    while (!this.blocked && this.state.is === 'linked' && !this.isReplayFull) {
      const chunk = this.writer.take();
      if (chunk !== undefined) this.send(this.state.link, chunk);
      else if (!this.events.onWritable()) return;
    }
  };

  private get isReplayFull(): boolean {
    return this.replay.bytes >= this.options.maxReplay;
  }

  /** Whether frames are written, and none of them must wait for an ACK of the other side. */
  private get leavesAtOnce(): boolean {
    const { pendingBytes } = this.writer;
    return pendingBytes > 0 && this.replay.bytes + pendingBytes < this.options.maxReplay;
  }

  private send(link: Link, chunk: Chunk): void {
    if (this.isResumable) this.replay.push(chunk);
    this.blocked = !link.write(chunk);
  }

  /** Writes an ACK behind other frames. */
  private writeAck(): void {
    if (!this.isResumable) return;
    this.writer.writeAck(this.receivedBytes.acknowledge());
  }

  /**
   * Sends an ACK ahead of all waiting frames, and beyond the limit on unacknowledged bytes: if both sides have reached
   * that limit, an ACK that waits its turn would wait for ever.
   */
  private sendAck(link: Link): void {
    if (!this.isResumable) return;
    this.send(link, ackChunk(this.receivedBytes.acknowledge()));
  }

  /** @internal Called by the link. */
  onWritable(): void {
    if (!this.blocked) return;
    this.blocked = false;
    this.flush();
  }

  /** @internal Called by the link. */
  onChunk(chunk: Buffer, release?: () => void): void {
    this.chunkRelease = release;
    this.readAt = this.options.clock.now();
    // The chunk may be released, and so be empty, while it is read.
    const { length } = chunk;
    try {
      readChunk(chunk, this);
    } catch (error) {
      this.close(N2NError.from(error, 'PROTOCOL_ERROR', 'A chunk cannot be read'));
    }
    this.receivedBytes.add(length);
    if (this.receivedBytes.isAckDue && this.state.is === 'linked') this.sendAck(this.state.link);
  }

  /** @internal Called by `readChunk` for each frame. */
  onFrame(type: number, flags: number, id: number, chunk: Buffer, from: number, to: number): void {
    if (this.state.is === 'closed') return;
    if (id !== SESSION_ID) this.events.onFrame(type, flags, id, chunk, from, to);
    else if (type === FrameType.ACK) this.onAck(chunk, from, to);
    else if (type === FrameType.ERROR) this.onSessionError(flags, chunk, from, to);
    else if (type === FrameType.GOAWAY) this.events.onFrame(type, flags, id, chunk, from, to);
    else if (type < SKIPPABLE) {
      throw new N2NError('PROTOCOL_ERROR', `A frame of type ${type} came where none may stand.`);
    }
  }

  private onAck(chunk: Buffer, from: number, to: number): void {
    if (to - from !== ACK_BODY_BYTES)
      throw new N2NError('PROTOCOL_ERROR', `ACK has ${to - from} bytes in place of ${ACK_BODY_BYTES}.`);
    const position = readU32(chunk, from) * 2 ** 32 + readU32(chunk, from + 4);
    if (this.isResumable && position > this.replay.sent) {
      throw new N2NError('PROTOCOL_ERROR', 'The other side acknowledges what it was not sent.');
    }
    const wasFull = this.isReplayFull;
    this.replay.acknowledge(position);
    if (wasFull) this.flushSoon();
  }

  private onSessionError(flags: number, chunk: Buffer, from: number, to: number): void {
    const { state } = this;
    this.end(readSessionError(flags, chunk, from, to));
    if (state.is === 'linked') state.link.close('the other side ended the session');
  }

  /** @internal Called by the link. */
  onBroken(reason: string, isIntended: boolean): void {
    const { window, clock } = this.options;
    // This side closed the session, and so the link.
    if (this.state.is === 'closed') return;
    if (isIntended || !this.isResumable) {
      this.end(new N2NError('CONNECTION_LOST', `The connection was lost: ${reason}.`));
      return;
    }
    const onWindowPassed = (): void => {
      const text = `The connection was lost (${reason}) and did not come back in ${window} ms.`;
      this.end(new N2NError('CONNECTION_LOST', text, { details: { window } }));
    };
    this.state = { is: 'unlinked', timer: clock.setTimeout(onWindowPassed, window, 'wait-again') };
    this.events.onSuspended();
  }

  private end(error: N2NError): void {
    const { state } = this;
    if (state.is === 'closed') return;
    if (state.is === 'unlinked' && state.timer !== undefined) this.options.clock.clearTimeout(state.timer);
    this.state = { is: 'closed', error };
    this.replay.clear();
    this.events.onClosed(error);
  }
}
