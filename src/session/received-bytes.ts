import type { Clock, TimerHandle } from '../clock.js';
import { N2NError } from '../n2n-error.js';
import { readU32 } from '../protocol/buffers/u32.js';
import type { Chunk } from '../protocol/frames/chunk.js';
import { ackChunk } from '../protocol/frames/chunk-writer.js';
import { ACK_BODY_BYTES, FrameType } from '../protocol/frames/frame.js';

/** An ACK is sent once so many bytes are unacknowledged. */
const ACK_AT = 256 * 1024;

/** An ACK is added to other frames once so many bytes are unacknowledged. */
const ACK_BESIDE_AT = 4 * 1024;

/**
 * How long what has come may stay unacknowledged, in milliseconds, where nothing else makes this side acknowledge it. The
 * other side can tell what is lost only from what was not acknowledged.
 */
const ACK_DELAY = 100;

const LONE_ACK_BYTES = ackChunk(0).length;

/** Counts the received bytes of the session, and decides when to acknowledge them. */
export class ReceivedBytes {
  private received = 0;
  /** The position that was acknowledged last. */
  private acknowledged = 0;
  /** The length of the chunk that is being read. It may be released, and so be empty, meanwhile. */
  private reading = 0;
  private isAckWanted = false;
  /** Runs while chunks come. A chunk costs no timer where one runs. */
  private timer: TimerHandle | undefined = undefined;

  /** @param send sends an ACK, if there is a link. Undefined for a session that ends with its link. */
  constructor(
    private readonly clock: Clock,
    private readonly send: ((ack: Chunk) => void) | undefined,
  ) {}

  get position(): number {
    return this.received;
  }

  /** Whether to add an ACK to frames that are sent anyway. */
  get isAckWorthwhile(): boolean {
    return this.send !== undefined && this.received - this.acknowledged >= ACK_BESIDE_AT;
  }

  /** A chunk has come and is about to be read. */
  begin(chunk: Buffer): void {
    this.reading = chunk.length;
    // If an ACK alone were acknowledged in turn, two idle sides would never be silent.
    if (this.timer === undefined && this.send !== undefined && !isLoneAck(chunk)) this.armTimer();
  }

  /** The chunk was read. */
  end(): void {
    this.received += this.reading;
    if (this.isAckWanted || this.received - this.acknowledged >= ACK_AT) this.sendAck();
  }

  /** Acknowledges the chunk that is being read as soon as it is read. */
  wantAck(): void {
    this.isAckWanted = true;
  }

  sendAck(): void {
    this.isAckWanted = false;
    this.send?.(ackChunk(this.acknowledge()));
  }

  /** Marks everything as acknowledged. @returns the position for the ACK */
  acknowledge(): number {
    this.acknowledged = this.received;
    return this.received;
  }

  /** The session is over. */
  stop(): void {
    if (this.timer !== undefined) this.clock.clearTimeout(this.timer);
  }

  private armTimer(): void {
    this.timer = this.clock.setTimeout(() => {
      this.timer = undefined;
      if (this.received > this.acknowledged) this.sendAck();
    }, ACK_DELAY);
    // A process that has nothing else to do need not wait for it.
    this.timer.unref?.();
  }
}

function isLoneAck(chunk: Buffer): boolean {
  return chunk.length === LONE_ACK_BYTES && chunk[0] === FrameType.ACK;
}

/** @returns the position up to which the other side has received. @throws N2NError `PROTOCOL_ERROR` */
export function readAck(chunk: Buffer, from: number, to: number): number {
  if (to - from !== ACK_BODY_BYTES)
    throw new N2NError('PROTOCOL_ERROR', `ACK has ${to - from} bytes in place of ${ACK_BODY_BYTES}.`);
  return readU32(chunk, from) * 2 ** 32 + readU32(chunk, from + 4);
}
